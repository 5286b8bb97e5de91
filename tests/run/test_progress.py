"""What a user sees."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import RunError
from fairlead.run.progress import LiveTable, PlainLines, facts_text, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.run.result import RunResult


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_name_each_step_its_time_and_facts(run: Callable[..., RunResult]) -> None:
    stream = io.StringIO()
    run("straight", listener=progress(stream))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "straight: 3 steps, runner in-process"
    assert lines[1].startswith("  make     ok ")
    assert lines[1].endswith(" s  rows 3, verdict pass, good True, count 3")
    assert lines[-1].startswith("straight: done in ")
    assert lines[-1].endswith("(3 ok)")


def test_a_failure_and_what_it_left_out_are_seen(run: Callable[..., RunResult]) -> None:
    stream = io.StringIO()
    with pytest.raises(RunError):
        run("failing", how="raise", listener=progress(stream))
    assert "  fail  FAILED " in stream.getvalue()
    assert stream.getvalue().endswith("(1 ok, 1 FAILED, 1 skipped)\n")


@pytest.mark.parametrize("runner", ["in-process", "fork"])
def test_a_terminal_gets_a_table(run: Callable[..., RunResult], runner: str) -> None:
    stream = Terminal()
    listener = progress(stream)
    run("straight", runner=runner, listener=listener)
    assert isinstance(listener, LiveTable)
    assert "rows 3, verdict pass" in stream.getvalue()
    assert f"straight · {runner} · succeeded" in stream.getvalue()


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    assert isinstance(progress(io.StringIO()), PlainLines)


def test_numbers_are_short() -> None:
    assert facts_text({"rows": 336776, "rmse": 12.345678, "verdict": "pass", "ok": True, "fifth": 1}) == (
        "rows 336,776, rmse 12.35, verdict pass, ok True"
    )
