"""The kfp runner where there is no cluster: what is checked first, and what is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kfp_server import serve
from test_kfp_api import HEALTH, closed_port

from fairlead.errors import ClusterError, ConfigError
from fairlead.run.cluster_file import ClusterFile, Storage
from fairlead.run.kfp import prepare
from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kfp_server import Answer, Asked

    from s3_here import S3

INPUTS = Storage(inputs="s3://bucket/inputs")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"runner": "fork", "cluster": ClusterFile()}, ["only the kfp runner", "--cluster", "--runner kfp"]),
        ({"runner": "kfp", "memory": "1g"}, ["limits of their own", "--memory 1g", "steps.NAME.memory"]),
        ({"runner": "kpf"}, ["there is no such runner", "docker, kfp"]),
        ({"runner": "kfp"}, ["nothing says where the cluster is", "--cluster FILE"]),
    ],
)
def test_flags_that_do_not_apply_are_told(
    compiled: Callable[[str], Path], tmp_path: Path, flags: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        run_pipeline(compiled("straight"), parameters={}, out=tmp_path / "out", **flags)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("given", "words"), [({"row": 1}, ["'row'", "'rows'"]), ({"rows": "x"}, ["'rows' takes a int", "'x'"])]
)
def test_parameters_are_checked_as_by_every_runner_before_anybody_is_asked(
    compiled: Callable[[str], Path], tmp_path: Path, given: dict[str, Any], words: list[str]
) -> None:
    told = []
    for runner, cluster in (("in-process", None), ("kfp", ClusterFile(host=closed_port()))):
        with pytest.raises(ConfigError) as caught:
            run_pipeline(compiled("straight"), runner=runner, parameters=given, out=tmp_path / "out", cluster=cluster)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert [word for word in words if word not in told[0]] == []


def test_the_cluster_s_parameters_stand_in_for_those_left_out(compiled: Callable[[str], Path]) -> None:
    cluster = ClusterFile(parameters={"rows": 5, "word": "there", "push_target": "kserve"})
    assert prepare(compiled("everything"), cluster, {"word": "mine"}, cached=True).values == {"rows": 5, "word": "mine"}


def test_what_no_local_runner_does_is_left_to_the_cluster(compiled: Callable[[str], Path]) -> None:
    for name in ("looping", "containing", "installing"):
        assert prepare(compiled(name), ClusterFile(), {}, cached=True).pipeline.steps


def test_no_cluster_is_told_before_a_folder_is_made(compiled: Callable[[str], Path], tmp_path: Path, s3: S3) -> None:
    run = {"runner": "kfp", "parameters": {}, "out": tmp_path / "out"}
    with pytest.raises(ClusterError, match="Kubeflow Pipelines does not answer"):
        run_pipeline(compiled("straight"), **run, cluster=ClusterFile(host="http://nobody.invalid", storage=INPUTS))
    with serve([HEALTH]) as (host, asked):
        storage = Storage(inputs="s3://bucket/inputs", endpoint="http://127.0.0.1:1")
        with pytest.raises(ClusterError, match="no such bucket"):
            run_pipeline(
                compiled("importing"),
                **{**run, "parameters": {"path": __file__}},
                cluster=ClusterFile(host=host, storage=storage.model_copy(update={"inputs": "s3://nobody/x"})),
            )
    assert [request.method for request in asked] == ["GET"]
    assert s3.objects() == []


def test_a_run_that_is_refused_is_told(compiled: Callable[[str], Path], tmp_path: Path, s3: S3) -> None:
    del s3

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST" and asked.path == "/apis/v2beta1/runs":
            return (403, "application/json", json.dumps({"message": "may not create runs in kubeflow"}))
        if asked.path.endswith("healthz"):
            return HEALTH
        listed = asked.method == "GET" and "names" not in asked.path
        ids = {"pipeline_id": "1", "pipeline_version_id": "2", "display_name": "v", "experiment_id": "3"}
        return (200, "application/json", "{}" if listed else json.dumps(ids))

    ir, given = compiled("straight"), {"rows": 2}
    with serve(answer) as (host, asked):
        cluster = ClusterFile(host=host, storage=INPUTS, service_account="runner", experiment="mine")
        with pytest.raises(ClusterError, match="refuses") as caught:
            run_pipeline(ir, runner="kfp", parameters=given, out=tmp_path / "out", cluster=cluster)
    assert "may not create runs" in caught.value.got
    body = json.loads(asked[-1].body)
    assert body["service_account"] == "runner"
    assert body["runtime_config"] == {"parameters": {"rows": 2}}
    assert body["pipeline_version_reference"] == {"pipeline_id": "1", "pipeline_version_id": "2"}
    assert not (tmp_path / "out" / "run.json").exists()
