"""What `fairlead apply` makes of a file, and of what a cluster has; the cluster itself is in tests/e2e."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.run.apply import Apply
from fairlead.run.apply_plan import Found, Wanted, marked, plan_pipeline, plan_recurring_runs, unmarked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fairlead.run.apply_plan import Change

PIPELINE = """
from kfp import dsl

@dsl.component(base_image="python:3.11-slim", install_kfp_package=False)
def nap(seconds: int):
    pass

@dsl.component(base_image="python:3.11-slim", install_kfp_package=False)
def look(file: dsl.Input[dsl.Artifact]):
    pass

@dsl.pipeline(name="naps")
def naps(seconds: int, schema: str = ""):
    nap(seconds=seconds)
    look(file=dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact).output)
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A good file on a cluster where nothing listens; keys like recurring_runs.nightly.cron are put over it."""
    (tmp_path / "naps.py").write_text(PIPELINE)
    (tmp_path / "none.cluster.yaml").write_text("host: http://127.0.0.1:9\nstorage: {endpoint: 'http://127.0.0.1:9'}\n")
    (tmp_path / "naps.yaml").write_text("seconds: 1\n")

    def write(**over: Any) -> Path:
        said: dict[str, Any] = {
            "name": "ours",
            "cluster": "none.cluster.yaml",
            "pipelines": {"naps": {"pipeline": "naps.py"}},
            "recurring_runs": {"nightly": {"pipeline": "naps", "cron": "0 0 3 * * *", "config": "naps.yaml"}},
        }
        for place, value in over.items():
            *outer, last = place.split("__")
            part = said
            for key in outer:
                part = part[key]
            part[last] = value
        (tmp_path / "it.yaml").write_text(yaml.safe_dump(said))
        return tmp_path / "it.yaml"

    return write


def test_a_good_file_is_compiled_with_paths_from_where_it_lies(file: Callable[..., Path]) -> None:
    Apply(file())


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"pipelines__naps__descriptoin": "x"}, ["pipelines.naps.descriptoin", "pipeline, description"]),
        ({"recurring_runs__nightly__crn": "x"}, ["recurring_runs.nightly.crn", "max_concurrency"]),
        ({"owner": "x"}, ["owner", "recurring_runs"]),
        ({"name": ""}, ["name: ''"]),
        ({"name": "ours]"}, ["name: 'ours]'"]),
        ({"pipelines": []}, ["pipelines"]),
        ({"recurring_runs__nightly__cron": "0 3 * * *"}, ["recurring_runs.nightly.cron: '0 3 * * *'", "seconds first"]),
        ({"recurring_runs__nightly__cron": 3}, ["recurring_runs.nightly.cron: 3"]),
        ({"recurring_runs__nightly__enabled": "yes please"}, ["recurring_runs.nightly.enabled: 'yes please'"]),
        ({"recurring_runs__nightly__max_concurrency": 0}, ["recurring_runs.nightly.max_concurrency: 0"]),
        ({"recurring_runs__nightly__max_concurrency": 11}, ["recurring_runs.nightly.max_concurrency: 11"]),
        ({"recurring_runs__nightly__max_concurrency": "2"}, ["recurring_runs.nightly.max_concurrency: '2'"]),
        ({"recurring_runs__nightly__pipeline": "nap"}, ["'nightly' is of pipeline 'nap'; the file has naps"]),
        ({"recurring_runs__nightly__parameters": {"second": 1}}, ["did you mean 'seconds'", "'nightly'"]),
        ({"recurring_runs__nightly__parameters": {"seconds": "1"}}, ["'seconds' takes a int", "'nightly'"]),
        (
            {"recurring_runs__nightly__parameters": {"schema": "gone.yaml"}},
            ["'schema' names no file here", "gone.yaml"],
        ),
        ({"recurring_runs__nightly__config": None}, ["'seconds' is missing", "'nightly'"]),
        ({"recurring_runs__nightly__config": "gone.yaml"}, ["there is no such config file"]),
        ({"pipelines__naps__pipeline": "gone.py"}, ["there is no pipeline file here"]),
        ({"pipelines__naps__pipeline": "gone"}, ["there is no pipeline of this name"]),
        ({"cluster": "gone.yaml"}, ["there is no such cluster file"]),
        ({"cluster": None}, ["nothing says where the cluster is"]),
    ],
)
def test_a_mistake_is_told_by_its_key_before_the_cluster_is_asked(
    file: Callable[..., Path], over: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        Apply(file(**over))
    assert [words for words in said if words not in str(caught.value)] == []


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "a: b: c", "\x00"])
def test_what_is_no_such_file_at_all_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Apply(tmp_path / "it.yaml")
    assert str(tmp_path / "it.yaml") in caught.value.where
    with pytest.raises(ConfigError, match="there is no such file to apply"):
        Apply(tmp_path / "gone.yaml")


@pytest.mark.parametrize("said", ["", "Trains again.", "two\n\nlines", "[brackets]", "[fairlead apply: other]"])
def test_a_mark_is_found_again_and_leaves_the_description(said: str) -> None:
    assert unmarked(marked(said, "our file")) == (said, "our file")
    assert unmarked("Made by hand.") == ("Made by hand.", "")


def facts(**over: Any) -> dict[str, Any]:
    return {"pipeline": "naps", "version": "abc", "cron": "0 0 3 * * *", "parameters.seconds": 1} | over


def lines(changes: Sequence[Change]) -> list[str]:
    return [str(change) for change in changes]


def test_a_pipeline_is_made_gets_a_version_or_has_it() -> None:
    made, changed, same = (plan_pipeline("naps", "v2", versions) for versions in (None, ["v1"], ["v3", "v2"]))
    assert lines([made, changed, same]) == [f"{mark} pipeline naps: version v2" for mark in "+~="]
    assert [made.steps, changed.steps, same.steps] == [(("upload", "naps"),), (("upload", "naps"),), ()]


def test_a_plan_says_what_differs() -> None:
    was = [
        Found("1", "nightly", facts(cron="0 0 4 * * *", **{"parameters.query": "x" * 80 + "1", "parameters.old": [1]}))
    ]
    wanted = {"nightly": Wanted(facts(**{"parameters.query": "x" * 80 + "2"}), enabled=False), "new": Wanted(facts())}
    changed = 'cron "0 0 4 * * *" -> "0 0 3 * * *", enabled true -> false, parameters.old [1] -> (none)'
    assert lines(list(plan_recurring_runs(wanted, was))) == [
        f"~ recurring run nightly: {changed}, parameters.query changed",
        "- recurring run nightly, the one before",
        '+ recurring run new: pipeline "naps", version "abc", cron "0 0 3 * * *"',
    ]


def test_what_is_right_is_left_and_enabled_in_place() -> None:
    was = [Found("1", "nightly", facts())]
    assert lines(list(plan_recurring_runs({"nightly": Wanted(facts())}, was))) == ["= recurring run nightly"]
    (change,) = plan_recurring_runs({"nightly": Wanted(facts(), enabled=False)}, was)
    assert (str(change), change.steps) == ("~ recurring run nightly: enabled true -> false", (("disable", "1"),))


def test_a_run_that_is_under_way_is_waited_for() -> None:
    was = Found("1", "weekly", facts(), busy=True)
    (change,) = plan_recurring_runs({}, [was])
    assert (change.mark, change.steps) == ("-", (("disable", "1"),))
    (change,) = plan_recurring_runs({}, [replace(was, enabled=False)])
    assert (change.mark, change.steps) == ("=", ())
    (change,) = plan_recurring_runs({}, [replace(was, enabled=False, busy=False)])
    assert (change.mark, change.steps) == ("-", (("retire", "1"),))


CRONS = st.sampled_from(["@daily", "@weekly", "@hourly"])
NAMES = st.sampled_from(["a", "b"])
WANTED = st.dictionaries(NAMES, st.builds(lambda cron, on: Wanted(facts(cron=cron), on), CRONS, st.booleans()))
FOUND = st.lists(st.tuples(NAMES, CRONS, st.booleans(), st.booleans()), max_size=5)


def follow(found: list[Found], wanted: dict[str, Wanted], most: int, numbers: count[int]) -> list[Found]:
    """What the cluster has after so many steps of the plan."""
    steps = [step for change in plan_recurring_runs(wanted, found) for step in change.steps]
    for verb, target in steps[:most]:
        if verb == "create":
            want = wanted[target]
            found = [Found(str(next(numbers)), target, want.facts, want.enabled), *found]
        elif verb == "retire":
            found = [one for one in found if one.id != target]
        else:
            found = [replace(one, enabled=verb == "enable") if one.id == target else one for one in found]
    return found


@given(wanted=WANTED, had=FOUND, most=st.integers(0, 12))
def test_wherever_an_apply_is_cut_off_no_schedule_is_lost_and_the_next_one_ends_it(
    wanted: dict[str, Wanted], had: list[tuple[str, str, bool, bool]], most: int
) -> None:
    numbers = count()
    before = [Found(str(next(numbers)), name, facts(cron=cron), on, busy) for name, cron, on, busy in had]
    found = follow(before, wanted, most, numbers)
    for name, want in wanted.items():
        if want.enabled and any(one.enabled for one in before if one.name == name):
            assert any(one.enabled for one in found if one.name == name)
    found = follow(found, wanted, 99, numbers)
    assert {change.mark for change in plan_recurring_runs(wanted, found)} <= {"="}
    active = {one.name: one for one in found if one.enabled}
    assert len(active) == sum(one.enabled for one in found)
    assert {name: one.facts for name, one in active.items()} == {
        name: want.facts for name, want in wanted.items() if want.enabled
    }
