"""What every runner does alike."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.errors import RunError
from fairlead.run.runner import RUNNERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.result import Event, RunResult

    Run = Callable[..., RunResult]


IN_DOCKER = pytest.param("docker", marks=pytest.mark.docker)


@pytest.fixture(params=[IN_DOCKER if name == "docker" else name for name in RUNNERS])
def runner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def facts_of(result: RunResult) -> dict[str, Any]:
    """Everything of a run but where and how long."""
    return {
        name: (
            task.state,
            task.parameters,
            {
                key: (item.fingerprint, item.metadata, item.path.relative_to(result.out))
                for key, item in task.artifacts.items()
            },
        )
        for name, task in result.tasks.items()
    }


@pytest.mark.parametrize(("rows", "said"), [(3, None), (2, "maybe"), (1, "no")])
def test_every_runner_gives_the_same_states_outputs_and_fingerprints(
    run: Run, runner: str, rows: int, said: str | None
) -> None:
    result = run("everything", runner=runner, rows=rows, word="hi")
    assert facts_of(result) == facts_of(run("everything", runner="in-process", out="reference", rows=rows, word="hi"))
    letters = result.tasks["measure"].parameters["Output"]
    assert result.outputs["Output"] == (said or f"yes hi 3 {letters}")
    assert result.state == "succeeded"


def test_only_the_branch_that_holds_runs(run: Run, runner: str) -> None:
    result = run("everything", runner=runner, rows=3)
    states = {name: task.state for name, task in result.tasks.items()}
    assert {name for name, state in states.items() if state == "skipped"} == {"say-2", "say-3", "say-5", "say-6"}


def test_nested_pipelines_take_defaults_and_have_names_of_their_own(run: Run, runner: str) -> None:
    result = run("everything", runner=runner)
    said = {
        name: task.parameters["Output"]
        for name, task in result.tasks.items()
        if name.startswith("inner") and "say" in name
    }
    assert sorted(said.values()) == ["from inner", "hi"]


def test_numbers_keep_their_types(run: Run, runner: str) -> None:
    result = run("typed", runner=runner, a=2, e=[1, 2.5, {"k": 3.0}], f={"n": 4})
    text = (result.tasks["make"].artifacts["data"].path / "rows.txt").read_text()
    assert text.splitlines()[1] == "1.5 [1, 2.5, {'k': 3}] {'n': 4}"


def test_outputs_are_in_the_folder_and_told_in_run_json(run: Run, runner: str) -> None:
    result = run("everything", runner=runner)
    told = json.loads((result.out / "run.json").read_text())
    task = next(task for task in told["tasks"] if task["name"] == "make")
    assert (told["pipeline"], told["runner"], told["state"]) == ("everything", runner, "succeeded")
    assert task["parameters"] == {"verdict": "pass", "good": True, "count": 3}
    assert task["artifacts"]["data"]["path"] == str(result.out / "make" / "data")
    assert task["artifacts"]["data"]["metadata"] == {"rows": 3}
    assert sorted(path.name for path in (result.out / "make").iterdir()) == ["data"]
    assert not list(result.out.glob(".draft*"))


def test_parameters_written_to_files_are_read(run: Run, runner: str) -> None:
    assert run("everything", runner=runner).tasks["write-parameter"].parameters == {"place": "hello", "number": 42}


def test_an_importer_names_what_lies_there(run: Run, runner: str, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "rows.txt").write_text("12345")
    result = run("importing", runner=runner, path=str(tmp_path / "table"))
    assert result.outputs == {"Output": 5}
    assert result.tasks["importer"].artifacts["artifact"].metadata == {"rows": "7", "from": str(tmp_path / "table")}


def test_an_importer_of_nothing_fails_by_name(run: Run, runner: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="step 'importer' failed") as caught:
        run("importing", runner=runner, path=str(tmp_path / "nothing"))
    assert "there is nothing to import" in caught.value.got


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("told", ["a rule is broken", "column 'x'", "mend it", "7 in all", "{'x': 1}"]),
        ("raise", ["ZeroDivisionError: oh no"]),
        ("sys-exit", ["exit code 4"]),
    ],
)
def test_a_failing_step_is_told_in_its_own_words(run: Run, runner: str, how: str, words: list[str]) -> None:
    with pytest.raises(RunError, match="step 'fail' failed") as caught:
        run("failing", runner=runner, how=how)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "words"),
    [("exit", "it ended with exit code 3"), ("kill", "killed by SIGKILL; the kernel does that when memory")],
)
@pytest.mark.parametrize("runner", ["fork", "subprocess", IN_DOCKER])
def test_a_step_that_dies_is_told(run: Run, runner: str, how: str, words: str) -> None:
    with pytest.raises(RunError, match="step 'fail' failed") as caught:
        run("failing", runner=runner, how=how)
    assert words in caught.value.got


def test_a_failed_run_leaves_what_was_there(run: Run, runner: str) -> None:
    before = run("failing", runner=runner, how="not")
    kept = before.tasks["make"].artifacts["data"]
    with pytest.raises(RunError):
        run("failing", runner=runner, how="raise")
    told = json.loads((before.out / "run.json").read_text())
    assert {task["name"]: task["state"] for task in told["tasks"]} == {
        "make": "succeeded",
        "fail": "failed",
        "say": "skipped",
    }
    assert told["state"] == "failed"
    assert (kept.path / "rows.txt").is_file()
    assert not list(before.out.glob(".draft*"))


@pytest.mark.parametrize(("how", "state"), [("raise", "FAILED"), ("not", "SUCCEEDED")])
def test_an_exit_handler_always_runs(run: Run, runner: str, tmp_path: Path, how: str, state: str) -> None:
    with pytest.raises(RunError, match="step 'fail' failed") if how == "raise" else nullcontext():
        run("guarded", runner=runner, how=how)
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert {task["name"]: task["parameters"] for task in told["tasks"]}["remember"] == {"Output": state}


def test_a_step_is_tried_again_as_often_as_it_says(run: Run, runner: str, fairlead_home: Path) -> None:
    assert run("retrying", runner=runner, counter=str(fairlead_home / "counter")).outputs == {"Output": 3}


def test_a_step_sees_its_variables_and_leaves_none_when_isolated(run: Run, runner: str) -> None:
    try:
        assert run("marking", runner=runner).outputs == {"Output": "value"}
        assert "GIVEN" not in os.environ
        assert ("LEFT_BEHIND" in os.environ) == (runner == "in-process")
    finally:
        os.environ.pop("LEFT_BEHIND", None)
        sys.modules.pop("left_behind", None)


def test_what_a_step_prints_goes_to_its_log_alone(run: Run, runner: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = run("everything", runner=runner, word="loud")
    assert any("says yes loud" in log.read_text() for log in (result.out / "logs").iterdir())
    assert capfd.readouterr() == ("", "")


def test_events_come_in_order(run: Run, runner: str) -> None:
    heard: list[Event] = []
    run("failing", runner=runner, how="not", listener=heard.append)
    told = [(event.kind, event.name) for event in heard]
    steps = [(kind, name) for name in ("make", "fail", "say") for kind in ("task_started", "task_finished")]
    assert told == [("run_started", "failing"), *steps, ("run_finished", "failing")]
    assert heard[0].facts == {"runner": runner, "steps": ["make", "fail", "say"]}
    assert heard[2].facts == {"rows": 3, "verdict": "pass", "good": True, "count": 3}


def test_a_placeholder_without_a_meaning_is_refused(run: Run, runner: str) -> None:
    with pytest.raises(RunError, match="step 'say-2' failed") as caught:
        run("naming_the_job", runner=runner)
    assert "pipeline_job_create_time_utc" in caught.value.got


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_leaves_no_half_artifact(
    compiled: Callable[[str], Path], runner: str, tmp_path: Path
) -> None:
    import subprocess

    from fairlead.run.runner import run_pipeline

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr}")
    try:
        run_pipeline(compiled("filling"), runner=runner, parameters={"megabytes": 1}, out=disk / "out")
        with pytest.raises(RunError, match=r"No space left on device|run cannot write"):
            run_pipeline(compiled("filling"), runner=runner, parameters={"megabytes": 8}, out=disk / "out")
        assert (disk / "out" / "fill-disk" / "data").stat().st_size == 1 << 20
        assert not list((disk / "out").glob(".draft*"))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_kfp_local_itself_gives_the_same_bytes(run: Run, compiled: Callable[[str], Path], tmp_path: Path) -> None:
    import subprocess

    from fairlead.artifacts.directory import fingerprint_of

    program = (
        "import sys; from kfp import components, local\n"
        "pipeline = components.load_component_from_file(sys.argv[1])\n"
        "local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[2])\n"
        "pipeline(rows=4)"
    )
    arguments = [compiled("straight"), tmp_path / "root"]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True)
    tasks = run("straight", rows=4).tasks
    for task, name in (("make", "data"), ("shim", "out")):  # measure writes metadata, whose ints kfp.local makes floats
        (theirs,) = (tmp_path / "root").glob(f"*/{task}/{name}")
        assert fingerprint_of(theirs) == tasks[task].artifacts[name].fingerprint
