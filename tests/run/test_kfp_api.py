"""Kubeflow Pipelines' API that is not there, is another's, or refuses: a real HTTP server that speaks its errors."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from kfp_server import serve

from fairlead.errors import ClusterError, ConfigError
from fairlead.run.cluster_file import ClusterFile
from fairlead.run.kfp_api import KfpApi
from fairlead.run.kfp_submit import uploaded_version

if TYPE_CHECKING:
    from pathlib import Path

    from kfp_server import Answer

HEALTH = (200, "application/json", '{"multi_user": false, "tag_name": "2.14.3"}')
#: Read from a 2.14.3 server.
NO_PIPELINE = (
    404,
    "application/json",
    '{"code":5, "message":"Failed to get a pipeline with name x and namespace . Check error stack.", "details":[]}',
)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(("host", "word"), [("", "refused"), ("http://nobody.invalid:8888", "nobody.invalid")])
def test_a_host_that_does_not_answer_is_told(host: str, word: str) -> None:
    with pytest.raises(ClusterError, match="Kubeflow Pipelines does not answer") as caught:
        KfpApi.connect(ClusterFile(host=host or closed_port()), patience=0)
    assert caught.value.status == 0
    assert word in caught.value.got
    assert "HTTPConnection" not in caught.value.got
    assert "host in the cluster file" in caught.value.do


@pytest.mark.parametrize(
    ("answer", "what", "words"),
    [
        ((401, "text/plain", "Unauthorized"), "Kubeflow Pipelines refuses", ["401 Unauthorized", "token_file"]),
        ((403, "text/html", "<html>no</html>"), "Kubeflow Pipelines refuses", ["403", "rights in this namespace"]),
        ((404, "text/html", "<html>no</html>"), "this is not Kubeflow Pipelines", ["healthz", "check host"]),
        ((200, "application/json", '{"status": "ok"}'), "this is not Kubeflow Pipelines", ["check host"]),
        ((200, "text/html", "<html>log in</html>"), "not Kubeflow Pipelines' API", ["text/html", "token_file"]),
        ((200, "application/json", "[1]"), "not Kubeflow Pipelines' API", ["check host"]),
        ((500, "application/json", '{"message": "MySQL is gone"}'), "refuses", ["500 MySQL is gone"]),
    ],
)
def test_what_is_wrong_is_told_without_html(answer: Answer, what: str, words: list[str]) -> None:
    with serve([answer]) as (host, _), pytest.raises(ClusterError, match=what) as caught:
        KfpApi.connect(ClusterFile(host=host), patience=0)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "<html>" not in str(caught.value)


def test_a_server_that_restarts_is_asked_again() -> None:
    busy = (503, "text/plain", "starting")
    with serve([busy, busy, HEALTH]) as (host, asked):
        KfpApi.connect(ClusterFile(host=host))
    assert len(asked) == 3


def test_what_makes_something_is_asked_once() -> None:
    with serve([HEALTH, (503, "text/plain", "starting")]) as (host, asked):
        api = KfpApi.connect(ClusterFile(host=host))
        with pytest.raises(ClusterError, match="refuses"):
            api.post("/apis/v2beta1/runs", {"display_name": "x"})
    assert [request.method for request in asked] == ["GET", "POST"]


def test_the_token_and_namespace_are_sent(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    multi_user = (200, "application/json", '{"multi_user": true}')
    with serve([multi_user, NO_PIPELINE, (403, "application/json", '{"message": "not yours"}')]) as (host, asked):
        api = KfpApi.connect(ClusterFile(host=host, namespace="team", token_file=str(tmp_path / "token")))
        with pytest.raises(ClusterError, match="refuses"):
            uploaded_version(api, "x", "text")
    assert asked[0].headers["Authorization"] == "Bearer abc"
    assert asked[1].path == "/apis/v2beta1/pipelines/names/x?namespace=team"
    with pytest.raises(ConfigError, match="token's file"):
        KfpApi.connect(ClusterFile(host=host, token_file=str(tmp_path / "none")))


def test_a_pipeline_newer_than_the_backend_is_told() -> None:
    said = 'Failed to parse: unmarshaling platform spec: unknown field "optional"'
    refusal = (400, "application/json", json.dumps({"error_message": said, "error_details": said * 9}))
    pipeline = (200, "application/json", '{"pipeline_id": "1"}')
    none = (200, "application/json", "{}")
    with serve([HEALTH, pipeline, none, refusal, none]) as (host, _):
        api = KfpApi.connect(ClusterFile(host=host))
        with pytest.raises(ClusterError, match="refuses") as caught:
            uploaded_version(api, "x", "text")
    assert caught.value.got == f"400 {said}"
    assert "this backend is older than the pipeline" in caught.value.do


def test_every_page_of_a_list_is_read() -> None:
    first = (200, "application/json", '{"runs": [{"id": 1}], "next_page_token": "more"}')
    second = (200, "application/json", '{"runs": [{"id": 2}]}')
    with serve([first, second]) as (host, asked):
        assert [run["id"] for run in KfpApi(host).items("/apis/v2beta1/runs", "runs")] == [1, 2]
    assert "page_token=more" in asked[1].path
