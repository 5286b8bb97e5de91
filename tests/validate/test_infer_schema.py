from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.artifacts.dataset import write_table
from fairlead.artifacts.schema import Column, Schema
from fairlead.errors import ArtifactError, ConfigError, DataError
from fairlead.validate.check_table import CheckTableConfig, check_table
from fairlead.validate.infer_schema import InferSchemaConfig, infer_schema

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.none() | st.floats(width=64) | st.integers(-100, 100).map(float)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)


def infer(home: Path, columns: dict[str, Any], **config: Any) -> Schema:
    write_table(home / "data", pa.table(columns))
    found = infer_schema(home / "data", InferSchemaConfig(**config), home / "schema.yaml")
    assert Schema.open(home / "schema.yaml") == found
    return found


def test_every_type_has_its_rules(tmp_path: Path) -> None:
    columns = {
        "flag": [True, False, None, True],
        "count": [0, 10, 100, 20],
        "delay": [-10.0, math.nan, 90.0, math.inf],
        "carrier": ["UA", "", None, "B6"],
        "day": pa.array([1, 2, 3, 4], pa.date32()),
        "at": pa.array([1, 2, 3, 4], pa.timestamp("us")),
    }
    assert infer(tmp_path, columns).columns == (
        Column(name="flag", type="bool", max_null_fraction=0.3),
        Column(name="count", type="int64", min=0, max=110),
        Column(name="delay", type="float64", max_null_fraction=0.3, min=-20, max=100),
        Column(name="carrier", type="string", max_null_fraction=0.55, values=("B6", "UA")),
        Column(name="day", type="date"),
        Column(name="at", type="timestamp"),
    )


@pytest.mark.parametrize(("most", "values"), [(3, ("a", "b", "c")), (2, None), (0, None)])
def test_only_a_few_values_are_categories(tmp_path: Path, most: int, values: object) -> None:
    found = infer(tmp_path, {"x": ["c", "a", "b", "a"]}, max_categories=most)
    assert found.columns[0].values == values


def test_without_slack_the_schema_is_what_the_data_is(tmp_path: Path) -> None:
    found = infer(tmp_path, {"x": [0.1, 0.3, None, 0.2]}, null_slack=0, range_slack=0)
    assert found.columns[0] == Column(name="x", type="float64", max_null_fraction=0.25, min=0.1, max=0.3)


def test_keys_are_only_what_was_asked_for(tmp_path: Path) -> None:
    columns = {"id": [1, 2, 3], "day": [1, 1, 2], "hour": [1, 2, 1]}
    assert infer(tmp_path, columns).keys == ()
    assert infer(tmp_path, columns, keys=[["id"], ["day", "hour"]]).keys == (("id",), ("day", "hour"))


def test_a_key_that_the_data_breaks_shows_its_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        infer(tmp_path, {"day": [1, 1, 2, 1], "hour": [1, 2, 1, 2]}, keys=[["day", "hour"]])
    assert caught.value.count == 2
    assert caught.value.rows == [
        {"row number": 1, "day": 1, "hour": 2},
        {"row number": 3, "day": 1, "hour": 2},
    ]


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        ({"keys": [["gone"]]}, DataError, "not in the data"),
        ({"keys": [[]]}, ConfigError, "no columns"),
        ({"null_slack": 2}, ConfigError, "less than or equal to 1"),
        ({"range_slack": -1}, ConfigError, "greater than or equal to 0"),
        ({"max_categories": -1}, ConfigError, "greater than or equal to 0"),
        ({"slack": 1}, ConfigError, "slack"),
    ],
)
def test_wrong_parameters(tmp_path: Path, config: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        infer(tmp_path, {"x": [1]}, **config)


def test_no_rows_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        infer(tmp_path, {"x": pa.array([], pa.int64())})


def test_missing_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no dataset here"):
        infer_schema(tmp_path / "gone", InferSchemaConfig(), tmp_path / "schema.yaml")


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, st.none() | st.integers(-(2**63), 2**63 - 1), TEXTS), min_size=1, max_size=20))
def test_data_keeps_the_schema_that_was_learnt_from_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]
) -> None:
    home = tmp_path_factory.mktemp("round")
    numbers, integers, texts = zip(*rows, strict=True)
    columns = {
        'a"b': pa.array(numbers, pa.float64()),
        "row number": pa.array(integers, pa.int64()),
        "it's": pa.array(texts, pa.string()),
    }
    infer(home, columns)
    config = CheckTableConfig()
    found = check_table(home / "data", home / "schema.yaml", config, home / "page", home / "result")
    assert {violation.rule for violation in found.violations} <= {"infinity"}
    assert bool(found.violations) == any(number is not None and math.isinf(number) for number in numbers)
