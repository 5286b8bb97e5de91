"""From a run's nodes to results: workflows as Argo writes them for a 2.14.3 backend, logs and artifacts in real S3."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from kfp_server import serve

from fairlead.run import kfp_follow
from fairlead.run.kfp_api import KfpApi
from fairlead.run.kfp_follow import Follower
from fairlead.run.kfp_nodes import Nodes
from fairlead.run.kfp_outputs import Outputs, PodLogs, nodes_of
from fairlead.run.placement import RunFolder
from fairlead.run.read_ir import load_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kfp_server import Answer, Asked

    from fairlead.run.result import Event
    from s3_here import S3

RUN = "run-1"
GLOG = "I1121 16:49:49.377415      16 launcher_v2.go:877] "
STORE = {"artifactRepository": {"archiveLogs": True, "s3": {"bucket": "bucket"}}}


class Workflow:
    """A workflow's manifest while it is written.

    Args:
        s3: takes the logs and artifacts of its pods.
    """

    def __init__(self, s3: S3, name: str = "wf") -> None:
        self._s3, self._name, self._nodes, self.phase = s3, name, dict[str, Any](), "Running"

    def put(self, key: str, content: str) -> str:
        path = self._s3.data / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return f"minio://bucket/{key}"

    def node(self, path: str, phase: str, log: str = "", message: str = "", **outputs: str) -> None:
        number = len(self._nodes)
        artifacts = []
        if log:
            self.put(f"logs/{self._name}-{number}", log)
            artifacts = [{"name": "main-logs", "s3": {"key": f"logs/{self._name}-{number}"}}]
        parameters = [{"name": key.replace("_", "-"), "value": value} for key, value in outputs.items()]
        self._nodes[f"{self._name}-{number}"] = {
            "id": f"{self._name}-{number}",
            "name": f"{self._name}.{path}",
            "type": "Pod",
            "templateName": "system-container-impl",
            "phase": phase,
            "message": message,
            "startedAt": "2026-11-21T16:48:00Z",
            "finishedAt": "2026-11-21T16:48:03Z" if phase not in ("Pending", "Running") else None,
            "outputs": {"parameters": parameters, "artifacts": artifacts},
        }

    def group(self, path: str, condition: str = "true") -> None:
        self.node(f"{path}-driver", "Succeeded", condition=condition)

    def driven(self, path: str, artifacts: dict[str, str] | None = None, execution: str = "1") -> None:
        """A driver that had a pod made."""
        outputs = {name: {"artifacts": [{"uri": uri}]} for name, uri in (artifacts or {}).items()}
        given = json.dumps({"outputs": {"artifacts": outputs}})
        command = ["launch", "--execution_id", execution, "--executor_input", given]
        patch = json.dumps({"containers": [{"command": command}]})
        self.node(f"{path}-driver", "Succeeded", pod_spec_patch=patch, cached_decision="false", condition="nil")

    def step(self, path: str, output: dict[str, Any] | None = None, said: str = "", **more: Any) -> None:
        """A step that ended well."""
        self.driven(path, **more)
        printed = json.dumps(output or {}, indent=2)
        self.node(f"{path}.executor", "Succeeded", f"{said}{GLOG}ExecutorOutput: {printed}\n")

    def manifest(self, packed: bool = False) -> dict[str, Any]:
        nodes: dict[str, Any] = {"nodes": self._nodes}
        if packed:
            nodes = {"compressedNodes": base64.b64encode(gzip.compress(json.dumps(self._nodes).encode())).decode()}
        status = {"phase": self.phase, "artifactRepositoryRef": STORE, **nodes}
        return {"metadata": {"name": self._name}, "status": status}


class Followed:
    """A follower of a sample pipeline, and what was heard of it."""

    def __init__(self, ir: Path, s3: S3, folder: RunFolder, api: KfpApi, values: dict[str, Any]) -> None:
        self.heard: list[Event] = []
        logs = PodLogs("kubeflow", s3.store)
        outputs = Outputs(api, s3.store, logs, folder)
        self.follower = Follower(load_pipeline(ir), values, folder, outputs, logs, self.heard.append)
        self.folder, self.api = folder, api

    def states(self) -> dict[str, str]:
        return {name: result.state for name, result in self.follower.results.items()}


@pytest.fixture
def others() -> dict[str, Any]:
    """What Kubeflow Pipelines knows: earlier runs by id, and the runs that gave executions."""
    return {"runs": {}, "tasks": {}}


@pytest.fixture
def api(others: dict[str, Any]) -> Iterator[KfpApi]:
    def answer(asked: Asked) -> Answer:
        for run, manifest in others["runs"].items():
            if asked.path == f"/apis/v1beta1/runs/{run}":
                body = {"pipeline_runtime": {"workflow_manifest": json.dumps(manifest)}}
                return (200, "application/json", json.dumps(body))
        for execution, run in others["tasks"].items():
            if asked.path.startswith("/apis/v1alpha1/tasks") and f"%22{execution}%22" in asked.path:
                return (200, "application/json", json.dumps({"tasks": [{"runId": run}]}))
        return (200, "application/json", "{}") if "tasks" in asked.path else (404, "application/json", "{}")

    with serve(answer) as (host, _):
        yield KfpApi(host, patience=0)


@pytest.fixture
def follow(
    compiled: Callable[[str], Path], s3: S3, api: KfpApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Followed]]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with RunFolder(tmp_path / "out") as folder:
        yield lambda name, **values: Followed(compiled(name), s3, folder, api, values)


MADE = {
    "parameterValues": {"verdict": "pass", "good": True, "count": 3.0},
    "artifacts": {"data": {"artifacts": [{"metadata": {"rows": 3}}]}},
}


def test_a_step_s_outputs_log_and_time_are_a_local_run_s(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("straight"), Workflow(s3)
    workflow.node("root.make-driver", "Running")
    run.follower.look(Nodes(workflow.manifest()))
    assert [(event.kind, event.name) for event in run.heard] == [("task_started", "make")]
    uri = workflow.put("root/make/data/rows.txt", "0\n").removesuffix("/rows.txt")
    workflow = Workflow(s3)
    workflow.step("root.make", MADE, "hello\n", artifacts={"data": uri})
    run.follower.look(Nodes(workflow.manifest(packed=True)))
    run.follower.look(Nodes(workflow.manifest()))
    assert [(event.kind, event.state) for event in run.heard] == [
        ("task_started", None),
        ("task_finished", "succeeded"),
    ]
    made = run.follower.results["make"]
    assert made.parameters == {"verdict": "pass", "good": True, "count": 3}
    assert isinstance(made.parameters["count"], int)
    assert (made.artifacts["data"].path / "rows.txt").read_text() == "0\n"
    assert made.artifacts["data"].path == run.folder.out / "make" / "data"
    assert made.artifacts["data"].metadata == {"rows": 3}
    assert made.artifacts["data"].fingerprint
    assert made.seconds == 3.0
    assert (run.folder.logs / "make.log").read_text() == "hello\n"


def test_an_output_that_the_step_did_not_write_is_not_there(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("straight"), Workflow(s3)
    workflow.step("root.make", MADE, artifacts={"data": "minio://bucket/root/none"})
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"make": "succeeded"}
    assert not run.follower.results["make"].artifacts["data"].path.exists()


def test_a_cached_step_s_outputs_are_those_of_the_run_that_made_them(
    follow: Callable[..., Followed], s3: S3, others: dict[str, Any]
) -> None:
    earlier = Workflow(s3, "earlier")
    uri = earlier.put("root/make/data/rows.txt", "0\n").removesuffix("/rows.txt")
    earlier.step("root.other", {"parameterValues": {}}, execution="4")
    earlier.step("root.make", MADE, artifacts={"data": uri}, execution="5")
    others["runs"]["old"], others["tasks"]["5"] = earlier.manifest(), "old"
    run, workflow = follow("straight"), Workflow(s3)
    said = 'Created execution: custom_properties:{key:"cached_execution_id"  value:{string_value:"5"}}\n'
    workflow.node("root.make-driver", "Succeeded", said, pod_spec_patch="", cached_decision="true", condition="nil")
    workflow.node("root.make.executor", "Skipped", message="when 'true != true' evaluated false")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"make": "cached"}
    assert (run.folder.out / "make" / "data" / "rows.txt").read_text() == "0\n"
    assert run.follower.results["make"].parameters["verdict"] == "pass"
    assert not (run.folder.logs / "make.log").exists()


@pytest.mark.parametrize(
    ("tasks", "said", "words"),
    [
        ({"5": "gone"}, '{key:"cached_execution_id"  value:{string_value:"5"}}', "run gone, which gave them, is gone"),
        ({}, '{key:"cached_execution_id"  value:{string_value:"5"}}', "nothing says which run"),
        ({}, "nothing", "nothing says which run"),
    ],
)
def test_a_cached_step_whose_outputs_nobody_knows_is_told(
    follow: Callable[..., Followed], s3: S3, others: dict[str, Any], tasks: dict[str, str], said: str, words: str
) -> None:
    others["tasks"] = tasks
    run, workflow = follow("straight"), Workflow(s3)
    workflow.node("root.make-driver", "Succeeded", said, cached_decision="true")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"make": "failed"}
    assert words in run.follower.results["make"].error
    assert "--no-cache" in run.follower.results["make"].error


def test_groups_that_do_not_run_are_skipped_with_all_that_is_in_them(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("everything", word="hi"), Workflow(s3)
    workflow.group("root.condition-branches-1", condition="false")
    workflow.node("root.inner-driver", "Omitted")
    workflow.group("root.inner-2")
    workflow.step("root.inner-2.measure", {"parameterValues": {"Output": 4}}, artifacts={"copy": "minio://bucket/none"})
    workflow.step("root.inner-2.say", {"parameterValues": {"Output": "hi"}})
    run.follower.look(Nodes(workflow.manifest()))
    states = run.states()
    assert {name for name, state in states.items() if state == "skipped"} == {
        "say",
        "say-2",
        "say-3",
        "inner.measure",
        "inner.say",
    }
    assert states["inner-2.measure"] == states["inner-2.say"] == "succeeded"
    run.follower.finish("interrupted")
    assert run.states()["make"] == "interrupted"


FAILED = """\
before
error: a rule is broken
  where:   column 'x'
  do next: mend it
F1121 16:49:50.030765      16 main.go:54] failed to execute component: exit status 3
"""


def test_a_failure_is_told_as_in_a_local_run(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("failing", how="told"), Workflow(s3)
    workflow.driven("root.fail")
    workflow.node("root.fail.executor", "Failed", FAILED, message="Error (exit code 1)")
    workflow.node("root.say-driver", "Omitted")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"fail": "failed", "say": "skipped"}
    assert run.follower.results["fail"].error == ("a rule is broken\n  where:   column 'x'\n  do next: mend it")
    assert "F1121" not in (run.folder.logs / "fail.log").read_text()


@pytest.mark.parametrize(
    ("log", "message", "words"),
    [
        ("", "OOMKilled (exit code 137)", "memory ran out (OOM)"),
        ("", "Pod was active on the node longer than the specified deadline", "longer than the specified deadline"),
        ("last line\nF1121 16:49:50.030765 16 main.go:54] failed to execute component: exit status 3\n", "", "code 3"),
        ("F1121 16:49:50.030765 16 main.go:54] failed to execute component: signal: killed\n", "", "signal: killed"),
        ("", "", "failed without a word"),
    ],
)
def test_a_pod_that_is_killed_says_by_what(
    follow: Callable[..., Followed], s3: S3, log: str, message: str, words: str
) -> None:
    run, workflow = follow("failing", how="x"), Workflow(s3)
    workflow.driven("root.fail")
    workflow.node("root.fail.executor", "Failed", log, message=message)
    workflow.phase = "Failed"
    run.follower.look(Nodes(workflow.manifest()))
    assert words in run.follower.results["fail"].error


def test_a_driver_that_fails_is_the_step_s_failure(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("failing", how="x"), Workflow(s3)
    log = "F1121 16:51:39.296026 17 main.go:104] KFP driver: driver.Container(a, b) failed: no such Secret\n"
    workflow.node("root.fail-driver", "Failed", log, message="Error (exit code 1)")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.follower.results["fail"].error == "no such Secret"


def test_attempts_are_one_log_and_the_last_one_counts(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("retrying", counter="x"), Workflow(s3)
    workflow.driven("root.flaky")
    workflow.node("root.flaky.executor", "Running")
    for number in range(11):
        workflow.node(f"root.flaky.executor({number})", "Failed", f"try {number}\n")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {}
    output = json.dumps({"parameterValues": {"Output": 3}})
    workflow.node("root.flaky.executor(11)", "Succeeded", f"try 11\n{GLOG}ExecutorOutput: {output}\n")
    workflow.node("root.flaky.executor", "Succeeded")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.follower.results["flaky"].parameters == {"Output": 3}
    assert (run.folder.logs / "flaky.log").read_text() == "".join(f"try {number}\n" for number in range(12))
    assert run.follower.root.outputs() == {"Output": 3}


def test_each_round_of_a_loop_has_a_name(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("looping"), Workflow(s3)
    (loop,) = run.follower.root.dag.tasks
    workflow.group(f"root.{loop.name}.iteration")
    for index in range(2):
        place = f"root.{loop.name}.iteration-iterations({index}:{index}).iteration-item"
        workflow.node(place, "Succeeded")
        workflow.group(place)
        workflow.step(f"{place}.empty", {"parameterValues": {"Output": index}})
    run.follower.look(Nodes(workflow.manifest()))
    workflow.node(f"root.{loop.name}", "Succeeded")
    run.follower.look(Nodes(workflow.manifest()))
    run.follower.finish("skipped")
    assert run.states() == {"empty.0": "succeeded", "empty.1": "succeeded"}
    assert run.follower.results["empty.1"].parameters == {"Output": 1}


def test_an_exit_handler_is_found_where_it_hangs(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("guarded", how="x"), Workflow(s3)
    workflow.group("root.exit-handler-1")
    workflow.driven("root.exit-handler-1.fail")
    workflow.node("root.exit-handler-1.fail.executor", "Failed", message="Error (exit code 1)")
    workflow.node("root.exit-handler-1.say-driver", "Omitted")
    workflow.step("root.exit-handler-1.onExit.remember", {"parameterValues": {"Output": "FAILED"}})
    workflow.phase = "Failed"
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"fail": "failed", "say": "skipped", "remember": "succeeded"}


def test_an_imported_file_of_this_machine_is_itself_and_one_elsewhere_is_fetched(
    follow: Callable[..., Followed], s3: S3, tmp_path: Path
) -> None:
    (tmp_path / "table").write_text("here")
    workflow = Workflow(s3)
    there = workflow.put("tables/table", "there")
    workflow.node("root.importer", "Succeeded")
    for path, text in ((str(tmp_path / "table"), "here"), (there, "there")):
        run = follow("importing", path=path)
        run.follower.look(Nodes(workflow.manifest()))
        artifact = run.follower.results["importer"].artifacts["artifact"]
        assert artifact.path.read_text() == text
        assert artifact.metadata == {"rows": "7", "from": path}
    assert artifact.path == run.folder.out / "importer" / "artifact"


def test_a_pod_that_cannot_start_is_stuck_after_a_while(
    follow: Callable[..., Followed], s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, workflow = follow("failing", how="x"), Workflow(s3)
    workflow.driven("root.fail")
    workflow.node("root.fail.executor", "Pending", message="ImagePullBackOff: Back-off pulling image")
    monkeypatch.setattr(kfp_follow, "STUCK_S", time.time())
    run.follower.look(Nodes(workflow.manifest()))
    assert run.follower.stuck is None
    monkeypatch.setattr(kfp_follow, "STUCK_S", 60.0)
    run.follower.look(Nodes(workflow.manifest()))
    assert run.follower.stuck == ("fail", "ImagePullBackOff: Back-off pulling image")


def test_a_pod_that_waits_for_a_node_is_not_stuck(follow: Callable[..., Followed], s3: S3) -> None:
    run, workflow = follow("failing", how="x"), Workflow(s3)
    workflow.driven("root.fail")
    workflow.node("root.fail.executor", "Pending", message="Unschedulable: 0/1 nodes are available")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.follower.stuck is None


def test_a_log_that_is_still_on_its_way_is_waited_for(
    follow: Callable[..., Followed], s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, workflow = follow("retrying", counter="x"), Workflow(s3)
    workflow.driven("root.flaky")
    workflow.node("root.flaky.executor", "Succeeded")
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {}
    monkeypatch.setattr(kfp_follow, "ARCHIVED_S", 0.0)
    run.follower.look(Nodes(workflow.manifest()))
    assert run.states() == {"flaky": "failed"}
    assert "archiveLogs" in run.follower.results["flaky"].error


def test_a_run_that_is_only_made_has_no_nodes(api: KfpApi, others: dict[str, Any]) -> None:
    others["runs"][RUN] = {"metadata": {"name": "wf"}, "status": {}}
    nodes = nodes_of(api, RUN)
    assert not nodes.ended
    assert nodes.attempts("root.make") == []
