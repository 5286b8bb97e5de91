"""Compiled pipelines are read, and what cannot run is refused before anything does."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.errors import ConfigError, RunError
from fairlead.run.read_ir import load_pipeline
from fairlead.run.runner import RUNNERS, run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def document(compiled: Callable[[str], Path]) -> dict[str, Any]:
    return dict(yaml.safe_load(compiled("everything").read_text()))


def test_tasks_come_in_the_order_of_their_dependencies(compiled: Callable[[str], Path]) -> None:
    labels = [task.label for task in load_pipeline(compiled("everything")).steps]
    assert labels.index("make") < labels.index("measure") < labels.index("say") < labels.index("inner.say")
    assert len(labels) == len(set(labels))


def test_a_platform_document_is_passed_over(compiled: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(compiled("straight").read_text() + "---\nplatforms:\n  kubernetes: {}\n")
    assert load_pipeline(path) == load_pipeline(compiled("straight"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a compiled pipeline"),
        (b"[1, 2]", "not a compiled pipeline"),
        (b"a: b", "not a compiled pipeline"),
        (b"a: [", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"pipelineInfo: {name: x}\ndeploymentSpec: {}\nroot: 3\n", "not a compiled pipeline"),
        (
            b"pipelineInfo: {name: x}\ndeploymentSpec: {}\nroot: {dag: {tasks: {a: {componentRef: {name: no}}}}}\n",
            "not a compiled",
        ),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=what) as caught:
        load_pipeline(path)
    assert caught.value.where == str(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no compiled pipeline here"):
        load_pipeline(tmp_path / "no.yaml")


@pytest.mark.parametrize("key", ["components", "deploymentSpec", "pipelineInfo", "root"])
def test_a_part_that_is_missing_is_told(document: dict[str, Any], key: str) -> None:
    broken = copy.deepcopy(document)
    del broken[key]
    with pytest.raises(ConfigError, match="not a compiled pipeline"):
        load_pipeline(broken)


def test_tasks_that_wait_for_one_another_are_told(document: dict[str, Any]) -> None:
    document["root"]["dag"]["tasks"]["make"]["dependentTasks"] = ["measure"]
    with pytest.raises(ConfigError, match="tasks wait for one another"):
        load_pipeline(document)


def test_a_pipeline_inside_itself_is_told(document: dict[str, Any]) -> None:
    document["components"]["comp-inner"]["dag"]["tasks"]["say"]["componentRef"]["name"] = "comp-inner"
    with pytest.raises(ConfigError, match="not a compiled pipeline"):
        load_pipeline(document)


@pytest.mark.parametrize("name", ["../out", "/etc", ".hidden", "a/b", ""])
def test_a_name_that_climbs_out_of_the_folder_is_refused(document: dict[str, Any], name: str) -> None:
    document["root"]["dag"]["tasks"][name] = document["root"]["dag"]["tasks"].pop("write-parameter")
    with pytest.raises(ConfigError, match="not a compiled pipeline"):
        load_pipeline(document)


@pytest.mark.parametrize("runner", list(RUNNERS))
@pytest.mark.parametrize(
    ("name", "task", "feature"),
    [
        ("looping", "for-loop-2", "dsl.ParallelFor"),
        ("containing", "in-container", "a container component"),
        ("quoting", "condition-1", "it's"),
    ],
)
def test_an_unsupported_feature_is_refused_before_anything_runs(
    compiled: Callable[[str], Path], tmp_path: Path, runner: str, name: str, task: str, feature: str
) -> None:
    with pytest.raises(RunError, match="not support") as caught:
        run_pipeline(compiled(name), runner=runner, parameters={}, out=tmp_path / "out")
    assert caught.value.where == f"task {task!r}"
    assert feature in caught.value.got
    assert not (tmp_path / "out").exists()


def test_the_subprocess_runner_installs_nothing(compiled: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a step would install packages here") as caught:
        run_pipeline(compiled("installing"), runner="subprocess", parameters={}, out=tmp_path / "out")
    assert caught.value.where == "task 'installs'"


def test_an_unknown_runner_is_told(compiled: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such runner") as caught:
        run_pipeline(compiled("straight"), runner="moon", parameters={}, out=tmp_path)
    assert caught.value.do == "use one of in-process, fork, subprocess, docker, kfp"
