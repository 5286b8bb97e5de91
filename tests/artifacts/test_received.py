"""An input is what the pipeline says, or the step does not begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from fairlead.artifacts.dataset import write_table
from fairlead.artifacts.directory import fingerprint_of
from fairlead.artifacts.received import received
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_right_content_is_let_in_wherever_it_lies(tmp_path: Path) -> None:
    first, other = (
        write_table(tmp_path / name, pa.table({"n": [1, 2]}), part_rows=rows) for name, rows in (("a", 1), ("b", 2))
    )
    assert received(str(other.path), first.fingerprint) == other.path
    (tmp_path / "schema.yaml").write_text("columns: []")
    assert received(str(tmp_path / "schema.yaml"), fingerprint_of(tmp_path / "schema.yaml")) == tmp_path / "schema.yaml"


@pytest.mark.parametrize("known_by", ["", "s3://bucket/schema.yaml", "pipelines/flights.schema.yaml"])
def test_what_has_no_fingerprint_is_taken_as_it_is(tmp_path: Path, known_by: str) -> None:
    assert received(str(tmp_path / "nothing"), known_by) == tmp_path / "nothing"


@pytest.mark.parametrize("what", ["other rows", "a file", "nothing", "an empty directory", "a broken manifest"])
def test_other_content_is_refused(tmp_path: Path, what: str) -> None:
    expected = write_table(tmp_path / "right", pa.table({"n": [1, 2]})).fingerprint
    place = tmp_path / "place"
    if what == "other rows":
        write_table(place, pa.table({"n": [2, 1]}))
    elif what == "a file":
        place.write_text("n\n1\n2\n")
    elif what != "nothing":
        place.mkdir()
    if what == "a broken manifest":
        (place / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError) as caught:
        received(str(place), expected)
    assert str(place) in caught.value.where
