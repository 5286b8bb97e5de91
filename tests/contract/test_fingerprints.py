"""Content fingerprints travel beside artifacts, however a pipeline is composed, and what was changed is refused."""

from __future__ import annotations

import csv
import inspect
import random
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.catalogue import components, parameters
from fairlead.errors import ArtifactError, RunError
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.pipeline_ir import Constant, Dag, FromParent, FromTask
from fairlead.run.read_ir import load_pipeline
from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fairlead.dsl import Component
    from fairlead.run.pipeline_ir import Task

    Compile = Callable[[str], Path]

COMPONENTS = components()
CACHED = {name: item for name, item in COMPONENTS.items() if not item.needs}
#: For eyes and gates; no step takes them in.
REPORTS = {"report", "result", "metrics"}
NEEDED = {"task": "regression", "target": "y", "keys": ["y"]}


def artifacts(component: Component, *, output: bool) -> list[str]:
    return [item.name for item in parameters(component) if item.output is output and item.type[:1].isupper()]


def pairs() -> list[Any]:
    named = [(item, name) for item in CACHED.values() for name in artifacts(item, output=False)]
    return [pytest.param(item, name, id=f"{item.__name__}-{name}") for item, name in named]


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS)
def test_every_artifact_is_written_with_a_fingerprint_beside_it(component: Component) -> None:
    outputs = {item.name: item.type for item in parameters(component) if item.output}
    beside = {name: outputs.get(f"{name}_fingerprint") for name in artifacts(component, output=True)}
    assert set(outputs) & {f"{name}_fingerprint" for name in REPORTS} == set()
    assert {name for name, kind in beside.items() if kind != "str"} <= REPORTS


@pytest.mark.parametrize(("component", "name"), pairs())
def test_a_cached_step_takes_an_artifact_with_its_fingerprint(component: Component, name: str) -> None:
    known = {item.name: (item.type, item.default) for item in parameters(component) if not item.output}
    assert known.get(f"{name}_fingerprint") == ("str", "''")


@pytest.mark.parametrize(("component", "name"), pairs())
def test_a_cached_step_refuses_an_artifact_of_another_content(component: Component, name: str, tmp_path: Path) -> None:
    from kfp import dsl

    signature = inspect.signature(component.__wrapped__)
    values = {key: value for key, value in NEEDED.items() if key in signature.parameters}
    if component.__name__ == "infer_schema":
        values["keys"] = [["y"]]
    for item in parameters(component):
        if item.type[:1].isupper():
            values[item.name] = dsl.Artifact(uri=str(tmp_path / item.name))
    (tmp_path / name).write_text("changed")
    with pytest.raises(ArtifactError, match="not what the step before wrote") as caught:
        component.__wrapped__(**values, **{f"{name}_fingerprint": "0" * 64})
    assert caught.value.where == str(tmp_path / name)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    compiler, folder = load_compiler(), tmp_path_factory.mktemp("ir")

    def compile_sample(name: str) -> Path:
        import composed

        compiler().compile(getattr(composed, name), str(folder / f"{name}.yaml"))
        return folder / f"{name}.yaml"

    return compile_sample


def tasks(dag: Dag) -> Iterator[Task]:
    for task in dag.tasks:
        yield task
        if isinstance(task.component.body, Dag):
            yield from tasks(task.component.body)


def bound(path: Path) -> dict[str, Any]:
    """What each task gets as fingerprints, by `task.parameter`."""
    return {
        f"{task.name}.{name}": source
        for task in tasks(load_pipeline(path).dag)
        if not isinstance(task.component.body, Dag)
        for name, source in task.inputs.items()
        if name.endswith("_fingerprint")
    }


def test_a_fingerprint_comes_from_the_task_that_wrote_the_artifact_or_is_an_imports_uri(compiled: Compile) -> None:
    data = FromTask("ingest-table", "data_fingerprint")
    assert bound(compiled("plain")) == {
        "infer-schema.data_fingerprint": data,
        "check-table.data_fingerprint": data,
        "check-table.schema_fingerprint": FromTask("infer-schema", "schema_fingerprint"),
        "check-table-2.data_fingerprint": data,
        "check-table-2.schema_fingerprint": FromParent("schema"),
        "check-table-3.data_fingerprint": data,
        "check-table-3.schema_fingerprint": Constant("s3://ours/schema"),
    }


def test_it_goes_into_branches_and_is_unknown_of_the_one_that_will_be_taken(compiled: Compile) -> None:
    found = bound(compiled("conditional"))
    for trainer in ("train-lightgbm", "train-sklearn"):
        for side in ("train", "validation"):
            parent = FromParent(f"pipelinechannel--split-table-{side}_fingerprint")
            assert found[f"{trainer}.{side}_fingerprint"] == parent
    assert "evaluate-model.model_fingerprint" not in found
    assert found["evaluate-model.champion_fingerprint"] == FromTask("load-champion", "champion_fingerprint")


def test_it_leaves_a_pipeline_that_hands_it_on_and_is_unknown_inside_one(compiled: Compile) -> None:
    found = bound(compiled("nested"))
    assert found["evaluate-model.model_fingerprint"] == FromTask("fit", "model_fingerprint")
    assert found["evaluate-model.test_fingerprint"] == FromTask("ingest-table", "data_fingerprint")
    assert found["train-sklearn.train_fingerprint"] == FromTask("split-table", "train_fingerprint")
    assert "split-table.data_fingerprint" not in found


def test_it_follows_into_loops(compiled: Compile) -> None:
    found = bound(compiled("looping"))
    assert found["evaluate-model.model_fingerprint"] == FromTask("train-sklearn", "model_fingerprint")
    assert found["evaluate-model.test_fingerprint"] == FromParent("pipelinechannel--split-table-test_fingerprint")


def test_what_the_author_gives_stands_and_a_foreign_artifact_has_none(compiled: Compile) -> None:
    assert bound(compiled("given")) == {"split-table-2.data_fingerprint": Constant("mine")}


def test_a_step_that_reaches_outside_is_cached_only_when_its_author_says_so(compiled: Compile) -> None:
    cached = {task.name: task.cached for task in tasks(load_pipeline(compiled("outside")).dag)}
    assert cached == {"load-champion": False, "register-model": True, "push-model": False, "promote-model": False}
    assert all(task.cached for task in tasks(load_pipeline(compiled("plain")).dag))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A table with something to learn."""
    chance = random.Random(0)
    with (tmp_path / "rows.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "hour", "carrier", "delay"])
        for number in range(400):
            hour, carrier = chance.randrange(24), chance.choice(["AA", "UA", "DL"])
            writer.writerow([number, hour, carrier, hour + 5 * (carrier == "UA") + chance.random()])
    return tmp_path / "rows.csv"


def test_the_fingerprint_beside_an_artifact_is_its_own(compiled: Compile, rows: Path, tmp_path: Path) -> None:
    result = run_pipeline(compiled("every"), runner="fork", parameters={"csv": str(rows)}, out=tmp_path / "out")
    wrote = {task.name: task for task in result.tasks.values() if set(task.artifacts) - REPORTS}
    ours = {name.replace("_", "-") for name, item in COMPONENTS.items() if set(artifacts(item, output=True)) - REPORTS}
    assert set(wrote) == ours
    for task in wrote.values():
        own = {f"{name}_fingerprint": item.fingerprint for name, item in task.artifacts.items() if name not in REPORTS}
        assert {name: task.parameters[name] for name in own} == own
        assert not [fact for fact in task.facts if fact.endswith("fingerprint")]


def test_an_artifact_that_was_changed_between_two_steps_is_refused(
    compiled: Compile, rows: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="step 'split-table' failed") as caught:
        run_pipeline(compiled("meddled"), runner="fork", parameters={"csv": str(rows)}, out=tmp_path / "out")
    assert "not what the step before wrote" in caught.value.got
