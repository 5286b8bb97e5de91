"""A component's interface is a promise: what breaks it needs a version that says so, and the parameter is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead import __version__, interfaces
from fairlead.errors import ConfigError
from fairlead.interfaces import breaks, current, may_break, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

OLD: dict[str, Any] = {
    "fit": {
        "inputs": {"data": {"type": "Dataset"}, "trees": {"type": "int", "default": "300"}},
        "outputs": {"model": {"type": "Model"}},
    }
}


def test_nothing_breaks_what_was_recorded_unless_the_version_says_so() -> None:
    version, old = recorded()
    broken = [] if may_break(version, __version__) else list(breaks(old, current()))
    assert not broken, f"raise the version, or keep what {version} had: {'; '.join(broken)}"


def test_the_record_is_current() -> None:
    assert recorded() == (__version__, json.loads(json.dumps(current()))), "run scripts/record_interfaces"


def rename(new: dict[str, Any]) -> None:
    new["fit"]["inputs"]["num_trees"] = new["fit"]["inputs"].pop("trees")


def retype(new: dict[str, Any]) -> None:
    new["fit"]["inputs"]["trees"]["type"] = "float"


def redefault(new: dict[str, Any]) -> None:
    new["fit"]["inputs"]["trees"]["default"] = "100"


def undefault(new: dict[str, Any]) -> None:
    del new["fit"]["inputs"]["trees"]["default"]


def demand(new: dict[str, Any]) -> None:
    new["fit"]["inputs"]["target"] = {"type": "str"}


def rename_output(new: dict[str, Any]) -> None:
    new["fit"]["outputs"] = {"bundle": {"type": "Model"}}


def retype_output(new: dict[str, Any]) -> None:
    new["fit"]["outputs"]["model"]["type"] = "Artifact"


def remove(new: dict[str, Any]) -> None:
    del new["fit"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rename, "fit.trees: the input is gone or has another name"),
        (retype, "fit.trees: its type was int and is float"),
        (redefault, "fit.trees: its default was 300 and is 100"),
        (undefault, "fit.trees: its default was 300 and is gone"),
        (demand, "fit.target: a new input has no default"),
        (rename_output, "fit.model: the output is gone or has another name"),
        (retype_output, "fit.model: its type was Model and is Artifact"),
        (remove, "fit: the component is gone"),
    ],
)
def test_a_break_is_found_and_names_the_parameter(change: Callable[[dict[str, Any]], None], said: str) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert list(breaks(OLD, new)) == [said]


def test_what_a_pipeline_does_not_notice_is_no_break() -> None:
    new = copy.deepcopy(OLD)
    new["fit"]["inputs"]["leaves"] = {"type": "int", "default": "63"}
    new["fit"]["inputs"]["data"]["default"] = "None"
    new["fit"]["outputs"]["report"] = {"type": "HTML"}
    new["score"] = {"inputs": {"model": {"type": "Model"}}, "outputs": {}}
    assert not list(breaks(OLD, new))


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "0.10.0", True),
        ("0.9.9", "1.0.0", True),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
        ("2.0.0", "1.9.0", False),
        ("0.2.0", "0.1.0", False),
    ],
)
def test_a_version_step_announces_a_break_or_does_not(old: str, new: str, may: bool) -> None:
    assert may_break(old, new) is may


def test_recording_does_not_hide_a_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "interfaces.json"
    old = {"version": __version__, "components": {**current(), **OLD}}
    record.write_text(json.dumps(old))
    monkeypatch.setattr(interfaces, "RECORD", record)
    with pytest.raises(ConfigError) as caught:
        interfaces.record()
    assert caught.value.got == "fit: the component is gone"
    assert json.loads(record.read_text()) == old


def test_the_reference_is_current() -> None:
    from fairlead.reference import reference

    page = Path(__file__).parents[2] / "components" / "README.md"
    assert page.read_text("utf-8") == reference(), "run scripts/reference"
