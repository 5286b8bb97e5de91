"""Errors say what, where, got and do next, and never show a traceback for a user's mistake."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fairlead.artifacts.config import Config
from fairlead.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    FairleadError,
    RunError,
    ServeError,
    show_without_traceback,
)

KINDS = [FairleadError, ConfigError, DataError, ArtifactError, RunError, ServeError]


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_message(kind: type[FairleadError]) -> None:
    text = str(kind("it does not fit", where="file.csv", got=3, do="send 4"))
    assert text == "it does not fit\n  where:   file.csv\n  got:     3\n  do next: send 4"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_known_is_left_out(kind: type[FairleadError]) -> None:
    assert str(kind("it does not fit")) == "it does not fit"


def test_each_kind_has_its_exit_code() -> None:
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes


@pytest.mark.parametrize(("rows", "count"), [(1, 0), (5, 0), (7, 0), (7, 1234)])
def test_rows_are_shown_up_to_five_with_the_count(rows: int, count: int) -> None:
    error = DataError("bad rows", rows=[{"row": row} for row in range(rows)], count=count)
    head, *shown = str(error).split("\n")[1:]
    assert head == f"  rows:    {count or rows:,} in all; the first {min(rows, 5)}:"
    assert shown == [f"    {{'row': {row}}}" for row in range(min(rows, 5))]


class Shape(Config):
    """Parameters for these tests."""

    sides: int = 3


@pytest.mark.parametrize(("values", "where", "got"), [({"sides": "x"}, "sides", "'x'"), ({"colour": 1}, "colour", "1")])
def test_a_wrong_parameter_is_told_with_its_name_and_value(values: dict[str, object], where: str, got: str) -> None:
    with pytest.raises(ConfigError, match="a parameter is wrong") as caught:
        Shape(**values)
    assert (caught.value.where, caught.value.got) == (where, got)


def test_the_hook_shows_plain_words_or_python_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    show_without_traceback(ConfigError, ConfigError("no", do="yes"), None)
    assert capsys.readouterr().err == "error: no\n  do next: yes\n"
    show_without_traceback(ValueError, ValueError("ours"), None)
    assert capsys.readouterr().err == "ValueError: ours\n"


@pytest.mark.parametrize(("runtime", "traceback"), [("true", False), ("", True)])
def test_a_step_ends_without_a_traceback(runtime: str, traceback: bool) -> None:
    code = "from fairlead.errors import DataError\nraise DataError('bad rows', where='a.csv')"
    environment = {**os.environ, "_KFP_RUNTIME": runtime}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad rows\n  where:   a.csv" in done.stderr
    assert ("Traceback" in done.stderr) is traceback
