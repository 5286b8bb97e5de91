from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from fairlead.artifacts.dataset import write_dataset, write_table
from fairlead.errors import ArtifactError, DataError
from fairlead.validate.check_table import CheckResult, CheckTableConfig, check_table

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
columns:
- {name: id, type: int64, unique: true}
- {name: delay, type: float64, max_null_fraction: 0.5, min: -10, max: 100}
- {name: carrier, type: string, values: [UA, "it's"]}
- {name: day, type: date}
keys:
- [carrier, day]
min_rows: 2
"""
GOOD = {"id": [1, 2], "delay": [0.5, None], "carrier": ["UA", "it's"], "day": pa.array([1, 2], pa.date32())}


def check(home: Path, columns: dict[str, Any], schema: str = SCHEMA, **config: Any) -> CheckResult:
    write_table(home / "data", pa.table(columns))
    (home / "schema.yaml").write_text(schema)
    paths = (home / "data", home / "schema.yaml")
    return check_table(*paths, CheckTableConfig(**config), home / "out" / "page", home / "out" / "result")


def test_good_data_passes(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == CheckResult("pass", ())
    result = json.loads((tmp_path / "out" / "result").read_text("utf-8"))
    assert (result["verdict"], result["facts"]["violations"]) == ("pass", [])
    assert "carrier" in (tmp_path / "out" / "page").read_text("utf-8")


def test_the_order_of_columns_is_free(tmp_path: Path) -> None:
    assert check(tmp_path, dict(reversed(GOOD.items()))).verdict == "pass"


@pytest.mark.parametrize(
    ("change", "rule", "column", "got", "count"),
    [
        ({"delay": [None, math.nan]}, "missing values", "delay", "2 missing", 2),
        ({"carrier": ["UA", ""]}, "missing values", "carrier", "1 missing", 1),
        ({"carrier": ["UA", None]}, "missing values", "carrier", "1 missing", 1),
        ({"delay": [0.0, math.inf]}, "infinity", "delay", "1 infinite", 1),
        ({"delay": [-math.inf, 0.0]}, "infinity", "delay", "1 infinite", 1),
        ({"delay": [-10.5, -11.0]}, "minimum", "delay", "-11.0", 2),
        ({"delay": [100.5, 3.0]}, "maximum", "delay", "100.5", 1),
        ({"carrier": ["ZZ", "AA"]}, "category", "carrier", "AA, ZZ", 2),
        ({"id": [7, 7]}, "unique", "id", "1 values more than once", 2),
        (
            {"carrier": ["UA", "UA"], "day": pa.array([1, 1], pa.date32())},
            "key",
            "carrier, day",
            "1 keys more than once",
            2,
        ),
    ],
)
def test_a_broken_rule_shows_what_was_found_and_where(
    tmp_path: Path, change: dict[str, Any], rule: str, column: str, got: str, count: int
) -> None:
    found = check(tmp_path, GOOD | change)
    assert found.verdict == "fail"
    (violation,) = found.violations
    assert (violation.rule, violation.column, violation.got, violation.count) == (rule, column, got, count)
    assert len(violation.rows) == count
    assert list(violation.rows[0])[1] == column.split(", ", maxsplit=1)[0]
    result = json.loads((tmp_path / "out" / "result").read_text("utf-8"))
    assert result["facts"]["violations"][0]["got"] == got
    assert result["reasons"] == [str(violation)]
    assert rule in (tmp_path / "out" / "page").read_text("utf-8")


@pytest.mark.parametrize(
    ("columns", "rule", "column", "got"),
    [
        ({name: GOOD[name] for name in ("id", "delay", "carrier")}, "column gone", "day", "no such column"),
        (GOOD | {"new": [1, 2]}, "column added", "new", "int64"),
        (GOOD | {"delay": [1, 2]}, "type", "delay", "int64"),
        (GOOD | {"carrier": [1, 2]}, "type", "carrier", "int64"),
        ({name: values[:1] for name, values in GOOD.items()}, "rows", "", "1"),
    ],
)
def test_the_table_itself_has_rules(tmp_path: Path, columns: dict[str, Any], rule: str, column: str, got: str) -> None:
    (violation,) = check(tmp_path, columns).violations
    assert (violation.rule, violation.column, violation.got, violation.count) == (rule, column, got, 0)


def test_extra_columns_can_be_allowed(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD | {"new": [1, 2]}, allow_extra_columns=True).verdict == "pass"


def test_the_first_five_rows_of_all(tmp_path: Path) -> None:
    columns = {"x": [1.0, *[-1.0] * 300], "row number": list(range(301))}
    schema = "columns:\n- {name: x, type: float64, min: 0}\n- {name: row number, type: int64}\n"
    (violation,) = check(tmp_path, columns, schema).violations
    assert violation.count == 300
    assert [row["row number"] for row in violation.rows] == [1, 2, 3, 4, 5]


def test_every_broken_rule_is_told(tmp_path: Path) -> None:
    columns = {"id": [1, 1], "delay": [math.inf, -50.0], "carrier": ["", "x"], "more": [1, 2]}
    rules = [violation.rule for violation in check(tmp_path, columns).violations]
    assert rules == ["column gone", "column added", "unique", "infinity", "minimum", "missing values", "category"]


def test_missing_values_repeat_nothing_but_in_a_key(tmp_path: Path) -> None:
    columns = {"x": pa.array([None, None], pa.int64()), "s": ["", None]}
    schema = """
columns:
- {name: x, type: int64, max_null_fraction: 1, unique: true}
- {name: s, type: string, max_null_fraction: 1, unique: true}
keys: [[x]]
"""
    assert [violation.rule for violation in check(tmp_path, columns, schema).violations] == ["key"]


def test_nan_is_found_in_every_part(tmp_path: Path) -> None:
    """DuckDB skips a Parquet row group whose statistics leave NaN out."""
    schema = pa.schema([("x", pa.float64())])
    with write_dataset(tmp_path / "data", schema, part_rows=3) as writer:
        writer.write(pa.record_batch({"x": [1.0, 2.0, 3.0, 1.0, math.nan, 3.0, math.nan]}, schema))
    (tmp_path / "schema.yaml").write_text("columns:\n- {name: x, type: float64}\n")
    paths = (tmp_path / "data", tmp_path / "schema.yaml")
    (violation,) = check_table(*paths, CheckTableConfig(), tmp_path / "page", tmp_path / "result").violations
    assert [row["row number"] for row in violation.rows] == [4, 6]


def test_no_rows_break_only_the_number_of_rows(tmp_path: Path) -> None:
    schema = "columns:\n- {name: x, type: float64, min: 0, max: 1}\nmin_rows: 1\n"
    empty = {"x": pa.array([], pa.float64())}
    assert [violation.rule for violation in check(tmp_path, empty, schema).violations] == ["rows"]
    assert check(tmp_path, empty, schema.replace("min_rows: 1", "min_rows: 0")).verdict == "pass"


def test_a_failed_check_can_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="breaks 1 rules") as caught:
        check(tmp_path, GOOD | {"id": [7, 7]}, raise_on_fail=True)
    assert caught.value.count == 2
    assert caught.value.rows[0]["id"] == 7
    assert (tmp_path / "out" / "page").exists()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("columns: [", "cannot be read"),
        ("columns:\n- {name: x, type: int}\n", "columns.0.type"),
        ("columns:\n- {name: x, type: string, min: 1}\n", "min and max are for"),
        ("columns:\n- {name: x, type: int64, values: [a]}\n", "values are for"),
        ("columns:\n- {name: x, type: float64, max: .inf}\n", "finite"),
        ("columns:\n- {name: x, type: int64}\n- {name: x, type: int64}\n", "listed twice"),
        ("columns:\n- {name: x, type: int64}\nkeys: [[y]]\n", "not listed"),
        ("[]", "breaks a rule"),
    ],
)
def test_a_schema_that_is_none(tmp_path: Path, schema: str, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        check(tmp_path, {"x": [1]}, schema)


def test_names_and_values_are_never_sql(tmp_path: Path) -> None:
    hostile = "x\"; DROP TABLE data; --'"
    schema = json.dumps({"columns": [{"name": hostile, "type": "string", "values": ["a';--"]}], "keys": [[hostile]]})
    (violation,) = check(tmp_path, {hostile: ["a';--", hostile]}, schema).violations
    assert (violation.rule, violation.got) == ("category", hostile)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        check(tmp_path / name, GOOD | {"id": [7, 7]})
    for file in ("page", "result"):
        assert (tmp_path / "one" / "out" / file).read_bytes() == (tmp_path / "two" / "out" / file).read_bytes()


def test_a_third_of_a_million_rows_take_a_moment(tmp_path: Path) -> None:
    random, rows = np.random.default_rng(0), 336_776
    columns = {f"n{at}": random.normal(size=rows).round(2) for at in range(20)}
    columns |= {f"s{at}": np.array(["a", "b", "c"])[random.integers(0, 3, rows)] for at in range(10)}
    limits = [{"name": name, "type": "float64", "min": -9, "max": 9} for name in columns if name[0] == "n"]
    values = [{"name": name, "type": "string", "values": list("abc")} for name in columns if name[0] == "s"]
    schema = json.dumps({"columns": limits + values})
    check(tmp_path, columns, schema)
    start = time.perf_counter()
    paths = (tmp_path / "data", tmp_path / "schema.yaml")
    check_table(*paths, CheckTableConfig(), tmp_path / "page", tmp_path / "result")
    assert time.perf_counter() - start < 3  # 0.4 s on an idle machine
