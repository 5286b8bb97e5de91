"""Parameters are checked before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.errors import ConfigError
from fairlead.run.parameters import check_parameters, parse_parameter
from fairlead.run.read_ir import load_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.pipeline_ir import Parameter


@pytest.fixture
def known(compiled: Callable[[str], Path]) -> dict[str, Parameter]:
    return load_pipeline(compiled("typed")).parameters


def test_defaults_stand_in_with_their_types(known: dict[str, Parameter]) -> None:
    values = check_parameters(known, {"a": 1})
    assert values == {"a": 1, "b": 1.5, "c": "c", "d": True, "e": [1], "f": {"k": 1}}
    assert [type(value) for value in values["e"]] == [int]


def test_an_unknown_parameter_is_told_with_the_nearest(known: dict[str, Parameter]) -> None:
    with pytest.raises(ConfigError, match="parameter 'aa' is not one of") as caught:
        check_parameters(known, {"aa": 1})
    assert caught.value.do == "did you mean 'a'?"
    assert "a (int), b (float), c (str), d (bool), e (list), f (dict)" in caught.value.got


def test_a_missing_parameter_is_told(known: dict[str, Parameter]) -> None:
    with pytest.raises(ConfigError, match="parameter 'a' is missing"):
        check_parameters(known, {"b": 1.0})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", "1"),
        ("a", 1.5),
        ("a", True),
        ("a", None),
        ("b", "x"),
        ("b", True),
        ("c", 1),
        ("d", 1),
        ("d", "true"),
        ("e", "[]"),
        ("e", {}),
        ("f", []),
        ("f", {"k": {1, 2}}),
        ("e", [float("nan")]),
    ],
)
def test_a_wrong_type_is_told_by_name(known: dict[str, Parameter], name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"parameter '{name}'"):
        check_parameters(known, {"a": 1} | {name: value})


def test_a_whole_number_is_a_float(known: dict[str, Parameter]) -> None:
    assert isinstance(check_parameters(known, {"a": 1, "b": 2})["b"], float)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("a", "3", 3),
        ("b", "2", 2),
        ("c", "3", "3"),
        ("d", "false", False),
        ("e", "[1, x]", [1, "x"]),
        ("f", "{k: 1}", {"k": 1}),
    ],
)
def test_text_from_a_command_line(known: dict[str, Parameter], name: str, text: str, value: Any) -> None:
    assert parse_parameter(known[name], text) == value


@pytest.mark.parametrize(("name", "text"), [("a", "x"), ("a", "[1"), ("d", "1"), ("e", "k: v")])
def test_text_that_is_no_value_is_told(known: dict[str, Parameter], name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"parameter '{name}' takes a"):
        parse_parameter(known[name], text)
