"""The kfp runner on the cluster: `fairlead run PIPELINE --runner kfp`, from local files to local files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from small_pipelines import component  # noqa: F401 - the module must be importable beside the tests

from fairlead.errors import ClusterError, RunError
from fairlead.run.cluster_file import ClusterFile, StepSettings, read_cluster_file
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.runner import run_pipeline
from fairlead.validate.infer_schema import InferSchemaConfig, infer_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster_here import ClusterHere
    from fairlead.run.result import Event, RunResult

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
KEYS = {"mlpipeline-minio-artifact": {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}}
STORE = {"AWS_ENDPOINT_URL": "http://minio-service.kubeflow:9000", "AWS_REGION": "us-east-1"}


@pytest.fixture
def there(cluster: ClusterHere) -> ClusterFile:
    """The cluster, with keys for the step that reads what was uploaded, and a place of its own for that."""
    told = read_cluster_file(cluster.file)
    storage = told.storage.model_copy(update={"inputs": f"{cluster.folder()}/inputs"})
    steps = {**told.steps, "ingest_table": StepSettings(secrets=KEYS, env=STORE)}
    return told.model_copy(update={"storage": storage, "steps": steps, "experiment": "tests"})


@pytest.fixture
def run(cluster: ClusterHere, there: ClusterFile, tmp_path: Path) -> Callable[..., RunResult]:
    """Runs a sample on the cluster, under a name of its own: KFP finds steps to reuse by the pipeline's name."""
    names: dict[str, str] = {}

    def on_cluster(
        name: str,
        *,
        out: str = "out",
        cached: bool = True,
        listener: Any = None,
        steps: dict[str, StepSettings] | None = None,
        **values: Any,
    ) -> RunResult:
        import small_pipelines

        load_compiler()
        path = tmp_path / f"{name}.yaml"
        if name not in names:
            names[name] = cluster.name(name.replace("_", "-"))
            cluster.after.callback(forget, cluster, names[name])
        load_compiler()().compile(getattr(small_pipelines, name), str(path), pipeline_name=names[name])
        told = there.model_copy(update={"steps": {**there.steps, **(steps or {})}})
        return run_pipeline(
            path,
            runner="kfp",
            parameters=values,
            out=tmp_path / out,
            cache=tmp_path if cached else None,
            cluster=told,
            **({"listener": listener} if listener else {}),
        )

    return on_cluster


@pytest.fixture
def table(tmp_path: Path) -> dict[str, str]:
    """A table and the schema that it follows, as parameters."""
    from fairlead.ingest.ingest_table import IngestTableConfig, ingest_table

    random.seed(0)
    rows = [(n, random.random(), random.random()) for n in range(400)]
    text = "".join(f"{n},{x:.4f},{z:.4f},{2 * x + z:.4f}\n" for n, x, z in rows)
    (tmp_path / "table.csv").write_text("id,x,z,y\n" + text)
    ingest_table(IngestTableConfig(sources={"t": str(tmp_path / "table.csv")}), tmp_path / "rows")
    infer_schema(tmp_path / "rows", InferSchemaConfig(keys=[["id"]]), tmp_path / "table.schema.yaml")
    return {"table": str(tmp_path / "table.csv"), "schema": str(tmp_path / "table.schema.yaml")}


def forget(cluster: ClusterHere, pipeline: str) -> None:
    """Removes a pipeline with its versions and runs."""
    client = cluster.kfp
    experiment = client.create_experiment("tests").experiment_id  # or the one that is there
    for run in client.list_runs(experiment_id=experiment, page_size=100, sort_by="created_at desc").runs or []:
        if run.display_name.startswith(pipeline):
            client.delete_run(run.run_id)
    number = client.get_pipeline_id(pipeline)
    for version in (client.list_pipeline_versions(number).pipeline_versions or []) if number else []:
        client.delete_pipeline_version(number, version.pipeline_version_id)
    if number:
        client.delete_pipeline(number)


def outputs(result: RunResult) -> dict[str, Any]:
    """What each step gave, less where it lies."""
    return {
        name: (task.parameters, {key: item.fingerprint for key, item in task.artifacts.items()})
        for name, task in result.tasks.items()
    }


def states(result: RunResult) -> dict[str, str]:
    return {name: task.state for name, task in result.tasks.items()}


def test_a_run_gives_what_a_local_run_gives_and_is_reused_where_that_is_right(
    run: Callable[..., RunResult], cluster: ClusterHere, there: ClusterFile, table: dict[str, str], tmp_path: Path
) -> None:
    heard: list[Event] = []
    first = run("small", listener=heard.append, **table)
    here = run_pipeline(tmp_path / "small.yaml", runner="in-process", parameters=table, out=tmp_path / "here")
    assert outputs(first) == outputs(here)
    assert set(states(first).values()) == {"succeeded"}
    for name in ("check-table/report.html", "train-lightgbm/model/model.onnx", "ingest-table/data/manifest.json"):
        assert (tmp_path / "out" / name).read_bytes()
    assert [event.kind for event in heard].count("task_finished") == len(first.tasks)
    assert heard[0].facts["note"].startswith(f"run {first.cluster['run']} on {there.host}")
    assert "I1121" not in (tmp_path / "out" / "logs" / "split-table.log").read_text()
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (told["runner"], told["state"], told["cluster"]) == ("kfp", "succeeded", first.cluster)

    second = run("small", out="second", **table)
    assert outputs(second) == outputs(first)
    assert states(second) == dict.fromkeys(first.tasks, "cached") | {
        "importer": "succeeded",
        "outside-effect": "succeeded",  # it reaches out, so that it is never cached
    }
    assert second.cluster["version"] == first.cluster["version"]
    assert len(versions(cluster, second.pipeline)) == 1

    text = Path(table["table"]).read_text()
    Path(table["table"]).write_text(text.replace("\n1,", "\n401,", 1))  # the same name, other bytes
    third = run("small", out="third", **table)
    assert states(third)["ingest-table"] == states(third)["train-lightgbm"] == "succeeded"
    assert outputs(third)["ingest-table"] != outputs(first)["ingest-table"]


def versions(cluster: ClusterHere, pipeline: str) -> list[Any]:
    number = cluster.kfp.get_pipeline_id(pipeline)
    return list(cluster.kfp.list_pipeline_versions(number).pipeline_versions)


def test_a_gate_that_closes_is_told_with_its_exit_code(
    there: ClusterFile, cluster: ClusterHere, table: dict[str, str], tmp_path: Path
) -> None:
    schema = yaml.safe_load(Path(table["schema"]).read_text())
    schema["columns"][1]["max"] = 0.5
    Path(table["schema"]).write_text(yaml.safe_dump(schema))
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(there.model_dump(mode="json", exclude_unset=True)))
    (tmp_path / "gate.py").write_text("from small_pipelines import small\n")
    words = ["--cluster", "cluster.yaml", "--set", f"table={table['table']}", "--set", f"schema={table['schema']}"]
    told = subprocess.run(
        [Path(sys.executable).with_name("fairlead"), "run", "gate.py", "--runner", "kfp", "--out", "out", *words],
        cwd=tmp_path,
        env={**os.environ, **cluster.keys, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 7, told.stderr
    assert "held      check-table said 'fail'" in told.stdout
    assert f"report    {tmp_path}/out/check-table/report.html" in told.stdout
    assert "train-lightgbm  skipped" in told.stderr


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("told", ["a rule is broken", "column 'x'", "mend it", "7 in all"]),
        ("exit", ["exit code 3", "its last line: about to fail"]),
        ("raise", ["ZeroDivisionError: oh no"]),
    ],
)
def test_a_step_that_fails_is_told_with_the_end_of_its_log(
    run: Callable[..., RunResult], tmp_path: Path, how: str, words: list[str]
) -> None:
    with pytest.raises(RunError, match="step 'fail' failed") as caught:
        run("failing", how=how)
    assert [word for word in words if word not in caught.value.got] == []
    assert caught.value.where == str(tmp_path / "out" / "logs" / "fail.log")
    assert "about to fail" in Path(caught.value.where).read_text()
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert {task["name"]: task["state"] for task in told["tasks"]} == {"fail": "failed", "tell": "skipped"}


def test_settings_reach_the_pod(run: Callable[..., RunResult], cluster: ClusterHere) -> None:
    name = cluster.name("lent")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": cluster.runs}}
    cluster.apply({**secret, "stringData": {"word": "hush"}})
    settings = StepSettings(
        cpu="500m",
        memory="300Mi",
        memory_request="100Mi",
        secrets={name: {"word": "HIDDEN"}},
        env={"LENT": "seen"},
        labels={"fairlead.dev/test": name},
        tolerations=[{"key": "gpu", "operator": "Exists"}],  # type: ignore[list-item]  # pydantic makes one of it
        node_selector={"kubernetes.io/os": "linux"},
        ttl_seconds=600,
        run_as_non_root=True,  # 2.14.3 knows no such field; one that reads newer pipelines passes over it
    )
    result = run("failing", how="secret", steps={"fail": settings})
    assert result.tasks["fail"].parameters == {"Output": "seen 4"}
    (pod,) = cluster.api.items(f"/api/v1/namespaces/{cluster.runs}/pods", labelSelector=f"fairlead.dev/test={name}")
    main = next(item for item in pod["spec"]["containers"] if item["name"] == "main")
    assert main["resources"]["limits"] == {"cpu": "500m", "memory": "300Mi"}
    assert main["resources"]["requests"] == {"cpu": "500m", "memory": "100Mi"}
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["spec"]["activeDeadlineSeconds"] == 600
    assert {"key": "gpu", "operator": "Exists"} in pod["spec"]["tolerations"]
    assert "hush" not in json.dumps(pod)


def test_memory_that_runs_out_is_called_so(run: Callable[..., RunResult]) -> None:
    with pytest.raises(RunError, match="step 'fail' failed") as caught:
        run("failing", how="eat", steps={"fail": StepSettings(memory="200Mi")})
    assert "memory ran out (OOM)" in caught.value.got


def test_a_loop_s_rounds_each_have_their_outputs_and_no_cache_runs_them_anew(run: Callable[..., RunResult]) -> None:
    for cached in (True, False):
        result = run("looping", words=["a", "b"], cached=cached)
        found = {name: task.parameters["Output"] for name, task in result.tasks.items()}
        assert found == {"tell.0": "a", "tell.1": "b"}
        assert set(states(result).values()) == {"succeeded"}


def test_an_image_that_is_nowhere_ends_the_run(run: Callable[..., RunResult], cluster: ClusterHere) -> None:
    heard: list[Event] = []
    with pytest.raises(RunError, match="a step cannot start; the run was ended") as caught:
        run("without_image", listener=heard.append)
    assert caught.value.where == "step 'look'"
    assert "ImagePull" in caught.value.got
    number = heard[0].facts["note"].split()[1]
    wait_for(lambda: cluster.kfp.get_run(number).state in ("CANCELED", "FAILED"))


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


PROGRAM = """
import sys
from pathlib import Path
from fairlead.run.cluster_file import read_cluster_file
from fairlead.run.progress import progress
from fairlead.run.runner import run_pipeline
ir, cluster, out = map(Path, sys.argv[1:])
run_pipeline(ir, runner="kfp", parameters={}, out=out, cluster=read_cluster_file(cluster), listener=progress())
"""


def test_ctrl_c_ends_the_run_on_the_cluster_and_the_log_was_there_meanwhile(
    there: ClusterFile, cluster: ClusterHere, tmp_path: Path
) -> None:
    import small_pipelines

    load_compiler()().compile(small_pipelines.waiting, str(tmp_path / "ir.yaml"), pipeline_name=cluster.name("waiting"))
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(there.model_dump(mode="json", exclude_unset=True)))
    words = [str(tmp_path / name) for name in ("ir.yaml", "cluster.yaml", "out")]
    command = [sys.executable, "-c", PROGRAM, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **cluster.keys}) as process:
        log = tmp_path / "out" / "logs" / "wait-long.log"
        wait_for(lambda: log.exists() and "waiting" in log.read_text(), 180)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "interrupted; finished steps are kept" in said
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert {task["name"]: task["state"] for task in told["tasks"]} == {"tell": "succeeded", "wait-long": "interrupted"}
    wait_for(lambda: cluster.kfp.get_run(told["cluster"]["run"]).state in ("CANCELED", "FAILED"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the object store refuses these keys"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "the object store does not answer"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_before_a_run_is_made(
    run: Callable[..., RunResult],
    cluster: ClusterHere,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: dict[str, str],
    what: str,
) -> None:
    for name, value in {**cluster.keys, **change}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ClusterError, match=what):
        run("waiting")
    assert not (tmp_path / "out").exists()


def test_without_a_kubernetes_api_logs_come_when_steps_end_and_all_else_is_the_same(
    run: Callable[..., RunResult], cluster: ClusterHere, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard: list[Event] = []
    for name, value in cluster.keys.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = run("looping", words=["a"], listener=heard.append)
    assert result.tasks["tell.0"].parameters == {"Output": "a"}
    assert "told a" in (tmp_path / "out" / "logs" / "tell.0.log").read_text()
    assert "logs come when steps end" in heard[0].facts["note"]
