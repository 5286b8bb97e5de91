"""scripts/kind_up refuses in plain words, before it changes anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from rendered import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SHELL = ("bash", "sed", "dirname", "date", "env")


def kind_up(*words: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts/kind_up"), *words]
    known = {**os.environ, "PATH": str(path), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=known)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH on which there is a shell and not much more."""
    for program in SHELL:
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    return tmp_path


def test_a_wrong_word_shows_the_usage(bare: Path) -> None:
    done = kind_up("--exsiting", path=bare)
    assert done.returncode == 2
    assert "scripts/kind_up --existing" in done.stderr


@pytest.mark.parametrize("program", ["docker", "kind", "kubectl"])
@pytest.mark.parametrize("words", [(), ("--existing",)])
def test_a_program_that_is_not_there_is_named(bare: Path, program: str, words: tuple[str, ...]) -> None:
    for other in {"docker", "kind", "kubectl"} - {program}:
        (bare / other).symlink_to("/bin/false")
    done = kind_up(*words, path=bare)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {program} is not there\n")
    assert f"install {program}" in done.stderr


def test_an_image_that_is_not_there_is_named_with_the_command_that_builds_it(bare: Path) -> None:
    for program in ("docker", "kind", "kubectl"):
        (bare / program).symlink_to("/bin/false")
    done = kind_up("--existing", path=bare)
    assert done.returncode == 2
    assert "fairlead/python-tabular:" in done.stderr
    assert 'make images TARGETS="python-tabular predictor mlflow"' in done.stderr
