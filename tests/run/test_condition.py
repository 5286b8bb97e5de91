"""Conditions are parsed, never evaluated as code."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import RunError
from fairlead.run.condition import Condition

X = "inputs.parameter_values['x']"
Y = "inputs.parameter_values['y']"


@pytest.mark.parametrize(
    ("text", "inputs", "holds"),
    [
        (f"{X} == 'pass'", {"x": "pass"}, True),
        (f"{X} != 'pass'", {"x": "pass"}, False),
        (f"{X} == ''", {"x": ""}, True),
        (f"{X} == true", {"x": True}, True),
        (f"{X} == false", {"x": True}, False),
        (f"int({X}) > 2", {"x": 3}, True),
        (f"int({X}) <= -2", {"x": 3}, False),
        (f"double({X}) < 1.5e-3", {"x": 0.001}, True),
        (f"int({X}) >= int({Y})", {"x": 3, "y": 3}, True),
        (f"!({X} == 'a') && {Y} == true", {"x": "b", "y": True}, True),
        (f"!({X} == 'a') && !({Y} == true)", {"x": "b", "y": True}, False),
        (f"{X} == 'a' || {X} == 'b' && {Y} == true", {"x": "a", "y": False}, True),
        (f"({X} == 'a' || {X} == 'b') && {Y} == true", {"x": "a", "y": False}, False),
        (f"{X} == 'a && b == c'", {"x": "a && b == c"}, True),
    ],
)
def test_conditions_of_kfp(text: str, inputs: dict[str, Any], holds: bool) -> None:
    assert Condition(text, "task").holds(inputs) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "true &&",
        f"{X}",
        f"{X} == 'it\\'s'",
        f"{X} == 'a' extra",
        f"{X} == 'a",
        f"({X} == 'a'",
        f"{X} in ['a']",
        "__import__('os').system('true') == 0",
        "inputs.artifacts['x'].metadata == 1",
        f"{X} === 'a'",
        f"int({X} == 1",
        f"{X}.matches('a') == true",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(RunError, match="a condition is not supported") as caught:
        Condition(text, "gate")
    assert caught.value.where == "task 'gate'"


@pytest.mark.parametrize(
    ("text", "inputs"),
    [(f"{X} == 'a'", {}), (f"{X} == 'a'", {"x": 1}), (f"{X} == 1", {"x": True}), (f"int({X}) > 1", {"x": "one"})],
)
def test_what_cannot_be_compared_is_told(text: str, inputs: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="a condition cannot be decided"):
        Condition(text, "gate").holds(inputs)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(RunError):
        Condition(text, "gate")


@given(st.text("abc &|()!=<>", max_size=10))
def test_a_word_is_compared_as_it_is(word: str) -> None:
    assert Condition(f"{X} == '{word}'", "gate").holds({"x": word})
