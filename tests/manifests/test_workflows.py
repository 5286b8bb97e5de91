"""GitHub's workflows: what they call is here, and nothing in them moves or is secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rendered import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_there_is_one_for_tests_and_one_for_the_cluster() -> None:
    assert [path.stem for path in WORKFLOWS] == ["e2e", "test"]


@each_workflow
def test_nothing_in_it_moves(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", name) for name in used), used
    assert "latest" not in path.read_text("utf-8")


@each_workflow
def test_it_has_no_secret_and_may_only_read(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "secrets" not in text
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert "${{" not in "".join(step.get("run", "") for step in steps(path)), "a title or branch would run as a command"


@each_workflow
def test_what_it_runs_is_here(path: Path) -> None:
    commands = "\n".join(step.get("run", "") for step in steps(path))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^make (\S+)", commands, re.MULTILINE)
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert all((ROOT / script).exists() for script in re.findall(r"^scripts/\S+", commands, re.MULTILINE))


def test_the_images_that_are_built_are_those_that_kind_up_loads() -> None:
    images = (ROOT / "scripts/kind_up").read_text("utf-8").partition("IMAGES=(")[2].partition(")")[0]
    for path in WORKFLOWS:
        assert f'make images TARGETS="{images}"' in path.read_text("utf-8")
