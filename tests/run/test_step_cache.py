"""Finished steps are found again, and nothing stale ever is."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest

from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.result import RunResult

    Run = Callable[..., RunResult]
    Read = Callable[..., tuple[RunResult, str]]

RUNNERS = ["in-process", "fork", "subprocess", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture(params=RUNNERS)
def read(run: Run, request: pytest.FixtureRequest, tmp_path: Path, fairlead_home: Path) -> Read:
    """Runs the reading pipeline over a cache; gives the result and the letters of the steps that really ran."""
    trace, source = fairlead_home / "trace", tmp_path / "source.csv"
    source.write_text("a,b\n1,2\n")

    def again(out: str = "out") -> tuple[RunResult, str]:
        trace.write_text("")
        result = run("reading", runner=request.param, cache="cache", out=out, path=str(source), trace=str(trace))
        return result, trace.read_text()

    return again


def states(result: RunResult) -> dict[str, str]:
    return {name: task.state for name, task in result.tasks.items()}


def test_a_second_run_takes_what_is_kept_but_never_side_effects(read: Read) -> None:
    first, ran = read()
    assert ran == "rct"
    second, ran_again = read("elsewhere")
    assert ran_again == "t"
    assert states(second) == {"read": "cached", "count": "cached", "touch": "succeeded"}
    assert second.outputs == first.outputs
    assert second.tasks["read"].artifacts["data"].fingerprint == first.tasks["read"].artifacts["data"].fingerprint
    assert (second.out / "read" / "data").read_text() == "a,b\n1,2\n"


def test_one_byte_of_a_source_makes_it_run_again(read: Read, tmp_path: Path) -> None:
    read()
    source = tmp_path / "source.csv"
    kept = source.stat()
    source.write_text("a,b\n1,3\n")
    os.utime(source, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    result, ran = read()
    assert ran == "rct"
    assert (result.out / "read" / "data").read_text() == "a,b\n1,3\n"


def test_a_source_that_went_away_is_not_papered_over(read: Read, tmp_path: Path) -> None:
    from fairlead.errors import RunError

    read()
    (tmp_path / "source.csv").unlink()
    with pytest.raises(RunError, match="step 'read' failed"):
        read()


@pytest.mark.parametrize("damage", ["change", "cut", "remove", "entry", "empty-entry"])
def test_a_damaged_entry_is_not_used(read: Read, tmp_path: Path, damage: str) -> None:
    read()
    for entry in (tmp_path / "cache" / "steps").iterdir():
        kept, file = entry / "artifacts" / "data", entry / "entry.json"
        if damage == "entry":
            file.write_text('{"parameters": {}')
        elif damage == "empty-entry":
            file.write_text("{}")
        elif kept.exists() and damage == "change":
            kept.write_text("a,b\n9,9\n")
        elif kept.exists() and damage == "cut":
            kept.write_text("a,b")
        elif kept.exists():
            kept.unlink()
    result, ran = read()
    assert "r" in ran
    assert (result.out / "read" / "data").read_text() == "a,b\n1,2\n"
    assert read()[1] == "t"


def test_a_tampered_input_is_another_input(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.mkdir()
    (table / "rows.txt").write_text("12345")
    assert run("importing", cache="cache", path=str(table)).outputs == {"Output": 5}
    assert run("importing", cache="cache", path=str(table)).tasks["measure"].state == "cached"
    (table / "rows.txt").write_text("123456")
    assert run("importing", cache="cache", path=str(table)).outputs == {"Output": 6}


def test_other_parameters_are_another_step(run: Run) -> None:
    run("straight", cache="cache", rows=3)
    assert states(run("straight", cache="cache", rows=4))["make"] == "succeeded"
    assert set(states(run("straight", cache="cache", rows=3)).values()) == {"cached"}


def test_a_failed_step_is_not_kept(run: Run, tmp_path: Path) -> None:
    from fairlead.errors import RunError

    with pytest.raises(RunError):
        run("failing", cache="cache", how="raise")
    kept = list((tmp_path / "cache" / "steps").iterdir())
    assert len(kept) == 1
    assert kept[0].name[0] != "."


def test_code_beside_the_pipeline_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fairlead.run import cache

    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    for content in ("x = 1", "x = 2"):
        (tmp_path / "my_helper.py").write_text(content)
        cache._package_digest.cache_clear()  # noqa: SLF001 - a new process would have none
        digests.append(cache.code_digest("def f():\n    from my_helper import x"))
    assert digests[0] != digests[1]


def _run(arguments: tuple[Path, Path, Path]) -> str:
    ir, out, cache = arguments
    return run_pipeline(ir, runner="in-process", parameters={"rows": 5}, out=out, cache=cache).state


def test_runs_at_the_same_time_share_a_cache(compiled: Callable[[str], Path], tmp_path: Path) -> None:
    jobs = [(compiled("straight"), tmp_path / f"out-{number}", tmp_path / "cache") for number in range(6)]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_run, jobs) == ["succeeded"] * 6
    contents = {(tmp_path / f"out-{number}" / "make" / "data" / "rows.txt").read_text() for number in range(6)}
    assert len(contents) == 1
    assert len(list((tmp_path / "cache" / "steps").iterdir())) == 3
