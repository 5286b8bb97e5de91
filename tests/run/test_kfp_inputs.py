"""Which parameters name files, and what becomes of them on the way to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kfp_samples
import pytest

from fairlead.errors import ClusterError, ConfigError
from fairlead.run.cluster_file import Storage
from fairlead.run.kfp_inputs import file_parameters, overwritable, store_files
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.read_ir import load_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.run.pipeline_ir import Dag
    from s3_here import S3

STORAGE = Storage(inputs="s3://bucket/inputs")


@pytest.fixture
def dag(tmp_path: Path) -> Dag:
    load_compiler()().compile(kfp_samples.outside, str(tmp_path / "ir.yaml"))
    return load_pipeline(tmp_path / "ir.yaml").dag


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "flights.csv.gz"
    path.write_bytes(b"a\n1\n")
    return path


def test_files_are_what_importers_import_and_sources_name(dag: Dag) -> None:
    assert file_parameters(dag) == {"sources": "read", "schema": "imported", "extra": "read", "folder": "imported"}


def test_files_are_stored_by_content_and_once(dag: Dag, table: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(table.parent)
    values = {"sources": {"t": table.name, "p": "package:x/y.csv"}, "schema": str(table), "extra": f"file://{table}"}
    sent = store_files(dag, {**values, "note": table.name, "folder": ""}, STORAGE, s3.store)
    (key,) = s3.objects()
    assert key.startswith("inputs/")
    assert key.endswith("/flights.csv.gz")
    assert sent == {
        "sources": {"t": f"s3://bucket/{key}", "p": "package:x/y.csv"},
        "schema": f"minio://bucket/{key}",
        "extra": f"s3://bucket/{key}",
        "note": table.name,
        "folder": "",
    }
    there = s3.data / "bucket" / key
    before = there.stat().st_mtime_ns
    assert store_files(dag, {**values, "note": table.name, "folder": ""}, STORAGE, s3.store) == sent
    assert there.stat().st_mtime_ns == before
    table.write_bytes(b"a\n2\n")
    assert store_files(dag, {"schema": str(table)}, STORAGE, s3.store)["schema"] != sent["schema"]
    assert len(s3.objects()) == 2


def test_a_folder_is_stored_whole_also_when_part_of_it_is_there(dag: Dag, tmp_path: Path, s3: S3) -> None:
    folder = tmp_path / "schemas"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.yaml").write_text("1")
    (folder / "inner" / "two.yaml").write_text("2")
    uri = store_files(dag, {"folder": str(folder)}, STORAGE, s3.store)["folder"]
    assert uri.startswith("minio://bucket/inputs/")
    assert [key.rpartition("schemas/")[2] for key in s3.objects()] == ["inner/two.yaml", "one.yaml"]
    (s3.data / "bucket" / s3.objects()[0]).unlink()  # as an interrupt leaves it
    assert store_files(dag, {"folder": str(folder)}, STORAGE, s3.store)["folder"] == uri
    assert len(s3.objects()) == 2


def test_a_pipeline_root_on_s3_has_its_own_scheme(dag: Dag, table: Path, s3: S3) -> None:
    storage = Storage(inputs="s3://bucket/inputs", importer_scheme="s3")
    assert store_files(dag, {"schema": str(table)}, storage, s3.store)["schema"].startswith("s3://bucket/inputs/")


def test_what_lies_elsewhere_stays_and_is_known_as_overwritable(dag: Dag, s3: S3) -> None:
    values: dict[str, Any] = {
        "sources": {"t": "s3://theirs/t.csv"},
        "schema": "gs://theirs/s.yaml",
        "extra": "package:a/b.csv",
        "note": "s3://no/file",
        "folder": "https://host/x",
    }
    assert store_files(dag, values, STORAGE, s3.store) == values
    assert overwritable(dag, values) == {"sources", "schema"}
    assert s3.objects() == []


def test_a_file_that_is_not_there_is_told_with_its_parameter(dag: Dag, s3: S3) -> None:
    for values, name in (({"sources": {"t": "no.csv"}}, "sources.t"), ({"schema": "no.yaml"}, "schema")):
        with pytest.raises(ConfigError, match=f"parameter '{name}' names no file here"):
            store_files(dag, values, STORAGE, s3.store)
    assert s3.objects() == []


def test_a_store_that_has_no_such_bucket_is_told(dag: Dag, table: Path, s3: S3) -> None:
    with pytest.raises(ClusterError, match="there is no such bucket"):
        store_files(dag, {"schema": str(table)}, Storage(inputs="s3://nobody/x"), s3.store)
