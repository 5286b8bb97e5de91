"""Schema: the YAML file says exactly what the rules are, and a wrong file is told with its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.artifacts.column_types import TYPES
from fairlead.artifacts.schema import Column, Schema
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["yes", "null", "1", "2013-01-01", "~", "- a"]
)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(TYPES))
    rules: dict[str, Any] = {}
    if kind in ("int64", "float64"):
        rules = {"min": draw(NUMBERS), "max": draw(NUMBERS)}
    elif kind == "string":
        rules = {"values": draw(st.none() | st.lists(TEXT, max_size=3).map(tuple))}
    share = draw(st.floats(0, 1))
    return Column(name=name, type=kind, max_null_fraction=share, unique=draw(st.booleans()), **rules)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(TEXT, unique=True, max_size=4))
    keys = draw(st.lists(st.lists(st.sampled_from(names), min_size=1, max_size=2), max_size=2)) if names else []
    rules = tuple(draw(columns(name)) for name in names)
    return Schema(columns=rules, keys=tuple(map(tuple, keys)), min_rows=draw(st.integers(0, 10**9)))


@given(schemas())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_schema_comes_back_as_it_was_written(tmp_path: Path, schema: Schema) -> None:
    schema.write(tmp_path / "schema.yaml")
    first = (tmp_path / "schema.yaml").read_bytes()
    again = Schema.open(tmp_path / "schema.yaml")
    again.write(tmp_path / "schema.yaml")
    assert again == schema
    assert (tmp_path / "schema.yaml").read_bytes() == first


YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["columns", "name", "type"]), inner),
    max_leaves=8,
)


@given(
    st.binary(max_size=100)
    | st.text(max_size=100).map(lambda t: t.encode("utf-8", "replace"))
    | YAML.map(yaml.safe_dump)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_other_text_is_an_artifact_error(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "schema.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        Schema.open(path)
    except ArtifactError as error:
        assert error.where.startswith(str(path))  # noqa: PT017 - some of the texts are schemas


@pytest.mark.parametrize(
    "text",
    ["2020-99-99", "!!int ''", "!!bool x", "!!timestamp x", "!!python/object:os.system x", "[" * 5000, "a: b: c"],
)
def test_texts_that_break_pyyaml_itself_are_artifact_errors(text: str, tmp_path: Path) -> None:
    (tmp_path / "schema.yaml").write_text(text)
    with pytest.raises(ArtifactError, match="cannot be read"):
        Schema.open(tmp_path / "schema.yaml")


A = {"name": "a", "type": "int64"}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "top level"),
        ([], "top level"),
        ({}, "columns"),
        ({"columns": [A], "rows": 1}, "rows"),
        ({"columns": [A, A]}, "top level"),
        ({"columns": [A], "keys": [["b"]]}, "top level"),
        ({"columns": [A], "keys": [[]]}, "top level"),
        ({"columns": [A], "min_rows": -1}, "min_rows"),
        ({"columns": [{"name": "a"}]}, "columns.0.type"),
        ({"columns": [{"name": "a", "type": "int"}]}, "columns.0.type"),
        ({"columns": [{**A, "max_nulls": 1}]}, "columns.0.max_nulls"),
        ({"columns": [{**A, "max_null_fraction": 1.1}]}, "columns.0.max_null_fraction"),
        ({"columns": [{**A, "min": float("nan")}]}, "columns.0.min"),
        ({"columns": [{**A, "max": float("inf")}]}, "columns.0.max"),
        ({"columns": [{**A, "values": ["x"]}]}, "columns.0"),
        ({"columns": [{"name": "a", "type": "string", "min": 1}]}, "columns.0"),
    ],
)
def test_a_broken_rule_is_told_with_its_field(value: Any, field: str, tmp_path: Path) -> None:
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(value))
    with pytest.raises(ArtifactError, match="breaks a rule") as caught:
        Schema.open(tmp_path / "schema.yaml")
    assert caught.value.where == f"{tmp_path / 'schema.yaml'}, {field}"


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no schema here"):
        Schema.open(tmp_path / "schema.yaml")
    with pytest.raises(ArtifactError, match="cannot be read"):
        Schema.open(tmp_path)


@pytest.mark.parametrize("text", ["a\x85b", "\x85", "\u2028", "a\u2029 b", "plain", "no", "é"])
def test_every_text_is_read_back_as_it_was_written(tmp_path: Path, text: str) -> None:
    schema = Schema(columns=(Column(name="c", type="string", values=(text,)),))
    schema.write(tmp_path / "schema.yaml")
    assert Schema.open(tmp_path / "schema.yaml") == schema
