"""An API server that fails, sheds load, refuses or is not there; a real one over HTTP that answers as it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.cluster.connect import Cluster
from fairlead.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POD = {"kind": "Pod", "metadata": {"name": "a"}}


class Api:
    """Gives the answers in this order, the last one for ever, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, POD)]
        self.asked: list[tuple[str, str, str, str]] = []
        self.url = ""


@pytest.fixture
def api() -> Iterator[Api]:
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            state.asked.append((self.command, self.path, body, self.headers.get("Content-Type", "")))
            status, content = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            text = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def known(url: str, **context: str) -> str:
    user = {"name": "me", "user": {"token": "secret-token"}}
    place = {"name": "here", "context": {"cluster": "here", "user": "me", **context}}
    clusters = [{"name": "here", "cluster": {"server": url}}]
    config = {"clusters": clusters, "users": [user], "contexts": [place], "current-context": "here"}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **config})


@pytest.fixture
def connected(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    (tmp_path / "kubeconfig").write_text(known(api.url, namespace="models"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return Cluster.connect(patience=5)


def test_the_context_gives_the_namespace(connected: Cluster) -> None:
    assert connected.namespace == "models"
    assert not connected.inside
    assert Cluster.connect("other").namespace == "other"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(connected: Cluster, api: Api, status: int) -> None:
    api.answers = [(status, {"message": "busy"}), (status, "no JSON"), (200, POD)]
    assert connected.get("/api/v1/pods/a") == POD
    assert len(api.asked) == 3


def test_patience_ends(connected: Cluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers = [(503, {"message": "the server is shutting down"})]
    monkeypatch.setattr(connected, "_patience", 0.5)
    with pytest.raises(ClusterError, match="the cluster refuses") as caught:
        connected.get("/api/v1/pods/a")
    assert caught.value.status == 503
    assert "the server is shutting down" in str(caught.value)
    assert len(api.asked) > 1


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422])
def test_what_is_refused_for_good_is_asked_once(connected: Cluster, api: Api, status: int) -> None:
    api.answers = [(status, {"kind": "Status", "message": 'pods "a" is forbidden'})]
    with pytest.raises(ClusterError) as caught:
        connected.create("/api/v1/pods", POD)
    assert caught.value.status == status
    assert caught.value.got == f'{status} pods "a" is forbidden'
    assert api.url in caught.value.where
    assert len(api.asked) == 1


def test_no_secret_in_an_error(connected: Cluster, api: Api) -> None:
    api.answers = [(403, {"message": "no"})]
    with pytest.raises(ClusterError) as caught:
        connected.get("/api/v1/secrets/a")
    assert "secret-token" not in str(caught.value)


def test_nothing_there(connected: Cluster, api: Api) -> None:
    api.answers = [(404, {"message": "not found"})]
    assert connected.get("/api/v1/pods/a") is None
    assert connected.items("/api/v1/pods") == []
    connected.delete("/api/v1/pods/a")
    with pytest.raises(ClusterError):
        connected.replace("/api/v1/pods/a", POD)


@pytest.mark.parametrize("log", ['{"a": 1}\n', "1\n", "ü: 'text'\n", ""])
def test_a_log_is_given_as_it_is(connected: Cluster, api: Api, log: str) -> None:
    api.answers = [(200, log)]
    assert connected.text("/api/v1/pods/a/log", tailLines="1") == log
    assert api.asked[-1][1] == "/api/v1/pods/a/log?tailLines=1"


def test_a_merge_patch_says_so(connected: Cluster, api: Api) -> None:
    connected.patch("/api/v1/pods/a", {"metadata": {"labels": None}})
    method, _, body, kind = api.asked[-1]
    assert (method, kind, json.loads(body)) == ("PATCH", "application/merge-patch+json", {"metadata": {"labels": None}})


@pytest.mark.parametrize(("status", "allowed"), [({"allowed": True}, True), ({"allowed": False}, False), ({}, False)])
def test_rights(connected: Cluster, api: Api, status: dict[str, bool], allowed: bool) -> None:
    api.answers = [(201, {"status": status})]
    assert connected.may("get", "pods", subresource="log") is allowed
    asked = json.loads(api.asked[-1][2])["spec"]["resourceAttributes"]
    assert asked == {"verb": "get", "resource": "pods", "group": "", "subresource": "log", "namespace": "models"}


@pytest.mark.parametrize("content", ["", "no: yaml: at: all", "[1]", "1", "users: 1", "current-context: x"])
def test_no_way_to_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(ClusterError, match="there is no way to a cluster") as caught:
        Cluster.connect()
    assert "set KUBECONFIG" in caught.value.do


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text(known("http://127.0.0.1:9"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(ClusterError, match="does not answer") as caught:
        Cluster.connect(patience=0).get("/readyz")
    assert caught.value.status == 0
