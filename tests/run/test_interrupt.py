"""A run that is stopped or killed leaves a folder that can be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import RunError
from fairlead.run.placement import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = """
import sys
from pathlib import Path
from fairlead.run.progress import progress
from fairlead.run.runner import run_pipeline
ir, runner, out, started = sys.argv[1:]
run_pipeline(Path(ir), runner=runner, parameters={"started": started}, out=Path(out), listener=progress())
"""


@pytest.fixture
def begun(compiled: Callable[[str], Path], tmp_path: Path) -> Callable[[str], tuple[subprocess.Popen[str], list[int]]]:
    """Starts a run whose second step waits for ever; gives its process and the pids of that step."""

    def begin(runner: str) -> tuple[subprocess.Popen[str], list[int]]:
        started = tmp_path / "started"
        command = [sys.executable, "-c", PROGRAM, str(compiled("waiting")), runner, str(tmp_path / "out"), str(started)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        wait_for(started.exists)
        return process, [int(pid) for pid in started.read_text().split()]

    return begin


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("runner", ["fork", "subprocess"])
def test_ctrl_c_stops_steps_and_keeps_what_is_finished(
    begun: Callable[[str], tuple[subprocess.Popen[str], list[int]]], tmp_path: Path, runner: str
) -> None:
    process, pids = begun(runner)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "waiting: interrupted; finished steps are kept" in said
    for pid in pids:
        wait_for(lambda pid=pid: is_gone(pid))
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert told["state"] == "interrupted"
    assert [task["name"] for task in told["tasks"]] == ["make"]
    assert (tmp_path / "out" / "make" / "data" / "rows.txt").is_file()
    assert not list((tmp_path / "out").glob(".draft*"))


def test_a_folder_has_one_writer(
    begun: Callable[[str], tuple[subprocess.Popen[str], list[int]]], tmp_path: Path
) -> None:
    process, _ = begun("fork")
    with pytest.raises(RunError, match="another run writes to this folder"), RunFolder(tmp_path / "out"):
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_what_a_killed_run_left_is_swept_by_the_next(
    begun: Callable[[str], tuple[subprocess.Popen[str], list[int]]], tmp_path: Path
) -> None:
    process, pids = begun("fork")
    process.kill()
    process.communicate(timeout=60)
    assert list((tmp_path / "out").glob(".draft*"))
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: all(map(is_gone, pids)))
    with RunFolder(tmp_path / "out"):
        assert len(list((tmp_path / "out").glob(".draft*"))) == 1
    assert not list((tmp_path / "out").glob(".draft*"))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="the folder of the run cannot be written"), RunFolder(tmp_path / "file"):
        pass
