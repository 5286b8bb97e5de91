"""The doctor where little or nothing answers: each line says what to do, nothing is told as a traceback."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from doctor_says import NOWHERE, doctor
from fairlead.doctor.finding import fix, ok
from fairlead.doctor.mlflow import service_of
from fairlead.doctor.probe import pipeline_root
from fairlead.doctor.site import Site
from fairlead.run.cluster_file import ClusterFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A kubeconfig of a server that is not there."""
    context = {"name": "gone", "context": {"cluster": "gone", "user": "me"}}
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gone",
        "contexts": [context],
        "clusters": [{"name": "gone", "cluster": {"server": NOWHERE}}],
        "users": [{"name": "me", "user": {"token": "a-token-of-mine"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


def cluster_file(path: Path, **settings: Any) -> str:
    place = path / "cluster.yaml"
    place.write_text(yaml.safe_dump({"host": NOWHERE, **settings}))
    return str(place)


def test_with_nothing_at_all(tmp_path: Path) -> None:
    said = doctor(KUBECONFIG=str(tmp_path / "none"))
    assert said.code == 8
    assert said.line("Kubernetes API")[0] == "FIX"
    assert "set KUBECONFIG" in said.out
    assert said.line("Docker engine") == (
        "skip",
        "no Docker engine answers; only --runner docker and make images ask for one",
    )
    for what in ("Kubeflow Pipelines API", "MLflow", "object store from here", "probe by a step", "probe by KServe"):
        assert said.line(what) == (
            "skip",
            "nothing says where it is; give --cluster FILE, such as manifests/kind.cluster.yaml",
        )
    for what in ("KServe", "runtime", "rights of a run's steps", "account of predictors", "images on nodes"):
        assert said.line(what) == ("skip", "the Kubernetes API does not answer")


def test_where_nothing_answers(nowhere: Path, tmp_path: Path) -> None:
    file = cluster_file(
        tmp_path, storage={"endpoint": NOWHERE}, parameters={"tracking_uri": "http://mlflow.fairlead:5000"}
    )
    keys = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "a-key-of-mine"}
    said = doctor("--cluster", file, KUBECONFIG=str(nowhere), **keys)
    assert said.code == 8
    for what, words in (
        ("Kubernetes API", "the cluster does not answer"),
        ("Kubeflow Pipelines API", "Kubeflow Pipelines does not answer"),
        ("object store from here", "the object store does not answer"),
    ):
        state, detail = said.line(what)
        assert (state, words in detail, "127.0.0.1" in detail) == ("FIX", True, True)
    assert said.line("MLflow") == ("skip", "http://mlflow.fairlead:5000: the Kubernetes API does not answer")
    assert said.line("probe by a step") == ("skip", "Kubeflow Pipelines' API does not answer")
    assert "a-key-of-mine" not in said.out + said.err
    assert "a-token-of-mine" not in said.out + said.err


@pytest.mark.parametrize("content", ["", "{", "- a\n- b", "clusters: 3"])
def test_a_kubeconfig_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)
    said = doctor("--quick", KUBECONFIG=str(tmp_path / "kubeconfig"))
    assert (said.code, said.line("Kubernetes API")[0]) == (8, "FIX")


@pytest.mark.parametrize("content", ["host: 3", "hots: http://here", "{", "storage: {keys: abc}"])
def test_a_wrong_cluster_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "cluster.yaml").write_text(content)
    said = doctor("--cluster", str(tmp_path / "cluster.yaml"))
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: the cluster file")


def test_no_cluster_file_of_that_name(tmp_path: Path) -> None:
    said = doctor("--cluster", str(tmp_path / "none.yaml"))
    assert (said.code, "no such cluster file" in said.err) == (2, True)


@contextmanager
def server(**answers: str) -> Iterator[str]:
    """Answers GET of these paths; all else is refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path.partition("?")[0].strip("/").replace("/", "_"))
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def test_what_answers_is_told_apart(nowhere: Path, tmp_path: Path) -> None:
    with server(health="OK") as address:
        file = cluster_file(tmp_path, host=address, parameters={"tracking_uri": address})
        said = doctor("--quick", "--cluster", file, KUBECONFIG=str(nowhere))
    assert said.line("MLflow") == ("ok", f"{address} answers")
    state, detail = said.line("Kubeflow Pipelines API")
    assert (state, "this is not Kubeflow Pipelines" in detail) == ("FIX", True)


def test_an_mlflow_that_is_not_there(nowhere: Path, tmp_path: Path) -> None:
    file = cluster_file(tmp_path, parameters={"tracking_uri": NOWHERE})
    said = doctor("--quick", "--cluster", file, KUBECONFIG=str(nowhere))
    state, detail = said.line("MLflow")
    assert (state, "does not answer" in detail) == ("FIX", True)


HEALTH = '{"multi_user": false, "tag_name": "%s"}'


@pytest.mark.parametrize(
    ("backend", "state", "words"),
    [
        ("2.17.1", "ok", "backend 2.17.1"),
        ("2.14.3", "ok", "what that backend does not know yet, it refuses by name"),
        ("1.8.5", "FIX", "backend 1.8.5"),
        ("unknown", "skip", "the backend does not tell its own"),
    ],
)
def test_versions(nowhere: Path, tmp_path: Path, backend: str, state: str, words: str) -> None:
    health, listed = HEALTH % backend, '{"experiments": [{"display_name": "Default"}]}'
    answers = {"apis_v2beta1_healthz": health, "apis_v1beta1_healthz": health, "apis_v2beta1_experiments": listed}
    with server(**answers) as address:
        file = cluster_file(tmp_path, host=address)
        said = doctor("--quick", "--cluster", file, KUBECONFIG=str(nowhere))
    found = said.line("kfp SDK and backend")
    assert (found[0], words in found[1]) == (state, True)
    assert said.line("experiment") == ("ok", "default")


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("http://mlflow.fairlead:5000", ("mlflow", "fairlead")),
        ("http://mlflow.fairlead.svc", ("mlflow", "fairlead")),
        ("http://mlflow.fairlead.svc.cluster.local:80/x", ("mlflow", "fairlead")),
        ("http://mlflow.example.org", None),
        ("http://mlflow", None),
        ("http://10.0.0.1:5000", None),
        ("http://10.1:5000", None),
        ("databricks", None),
    ],
)
def test_an_address_inside_a_cluster(address: str, service: tuple[str, str] | None) -> None:
    assert service_of(address) == service


@pytest.mark.parametrize(
    ("storage", "root"),
    [
        ({}, "minio://mlpipeline/v2/artifacts"),
        ({"inputs": "s3://ours/x/y", "importer_scheme": "s3"}, "s3://ours/v2/artifacts"),
        ({"inputs": "gs://ours/x"}, "gs://ours/v2/artifacts"),
    ],
)
def test_where_a_probe_goes(storage: dict[str, str], root: str) -> None:
    assert pipeline_root(Site(ClusterFile.model_validate({"storage": storage}), file=True)) == root


def test_a_secret_is_never_shown() -> None:
    site = Site(ClusterFile(), file=True)
    site.keep_secret("s3cr3t-value", "short", "")
    told = fix("keys", "refused: s3cr3t-value\n  is short", "kubectl edit s3cr3t-value").text(site.hide)
    assert told.splitlines() == ["FIX  keys                      refused: *** is short", "     by: kubectl edit ***"]


def test_a_long_reason_is_one_line_with_its_end() -> None:
    told = ok("log", "reading:\n" + "inside\n" * 500 + "no such host").text()
    assert "\n" not in told
    assert len(told) < 400
    assert "reading: inside" in told
    assert told.endswith("inside no such host")
