"""Artifacts in one piece: damage is named, writing is whole or not at all, foreign folders are left alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.artifacts.bundle import Feature, ModelBundle, Signature, write_bundle
from fairlead.artifacts.dataset import Dataset, write_table
from fairlead.artifacts.directory import MANIFEST, digest_of, fingerprint_of, new_directory, read_json, write_json
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATASET_FILES = [MANIFEST, "part-00000.parquet", "part-00001.parquet"]
BUNDLE_FILES = [MANIFEST, "model.onnx", "native/trees.txt", "signature.json", "golden.json", "baseline.json"]
BUNDLE_FILES += ["metrics.json", "lineage.json"]
FILES = [(Dataset, name) for name in DATASET_FILES] + [(ModelBundle, name) for name in BUNDLE_FILES]


def make(kind: type, path: Path) -> Any:
    """A small artifact of a kind."""
    if kind is Dataset:
        return write_table(path, pa.table({"n": [1, 2, 3], "s": ["a", "", None]}), part_rows=2)
    return write_bundle(
        path,
        onnx=b"graph of many bytes",
        native={"trees.txt": b"tree"},
        signature=Signature("regression", "y", (Feature("n", "number"),)),
        golden={"inputs": {"n": [1.0]}, "outputs": {"prediction": [2.0]}},
        baseline={"n": {}},
        metrics={"rmse": 1.0},
        lineage={"data": "d"},
    )


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")


def remove(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [flip, truncate, empty, append, remove, become_a_folder]


@pytest.fixture(params=[Dataset, ModelBundle], ids=["dataset", "bundle"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("kind", [Dataset, ModelBundle], ids=["dataset", "bundle"])
def test_the_list_of_files_above_is_complete(kind: Any, tmp_path: Path) -> None:
    make(kind, tmp_path / "a")
    found = {str(path.relative_to(tmp_path / "a")) for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert found == {name for owner, name in FILES if owner is kind}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("kind", "name"), FILES, ids=[f"{owner.__name__}-{name}" for owner, name in FILES])
def test_damage_to_any_file_is_refused_by_its_name(
    kind: Any, name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path = make(kind, tmp_path / "a").path / name
    damage(path)
    with pytest.raises(ArtifactError) as caught:
        kind.open(tmp_path / "a")
    assert caught.value.where == str(path)
    assert caught.value.do


@pytest.mark.parametrize("name", ["extra", "native/extra", ".hidden"])
def test_a_file_too_many_is_refused_by_its_name(name: str, kind: Any, tmp_path: Path) -> None:
    extra = make(kind, tmp_path / "a").path / name
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("")
    with pytest.raises(ArtifactError, match="not in the manifest") as caught:
        kind.open(tmp_path / "a")
    assert caught.value.where == str(extra)


def test_one_kind_is_not_another(tmp_path: Path) -> None:
    make(Dataset, tmp_path / "data")
    make(ModelBundle, tmp_path / "model")
    with pytest.raises(ArtifactError, match="not a model"):
        ModelBundle.open(tmp_path / "data")
    with pytest.raises(ArtifactError, match="not a dataset"):
        Dataset.open(tmp_path / "model")


def test_what_is_no_artifact_is_refused(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / MANIFEST).write_text('{"name": "a web app"}')
    for name in ("nothing", "file", "empty", "foreign"):
        with pytest.raises(ArtifactError) as caught:
            kind.open(tmp_path / name)
        assert caught.value.where.startswith(str(tmp_path / name))


def reseal(directory: Path, **changes: Any) -> None:
    """What somebody with bad intent writes: a manifest whose seal is right."""
    manifest = {**read_json(directory / MANIFEST), **changes}
    del manifest["seal"]
    write_json(directory / MANIFEST, {**manifest, "seal": digest_of(manifest)})


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "native/../../secret", "a\0b", ".", ""])
def test_a_manifest_that_names_files_elsewhere_is_refused(name: str, kind: Any, tmp_path: Path) -> None:
    artifact = make(kind, tmp_path / "a")
    (tmp_path / "secret").write_text("mine")
    reseal(artifact.path, files={**artifact.manifest["files"], name: {"sha256": "0" * 64, "bytes": 4}})
    with pytest.raises(ArtifactError, match="a file of the artifact is missing"):
        kind.open(artifact.path)


@pytest.mark.parametrize("facts", [None, 1, [], {}, {"bytes": "many"}, {"bytes": 10**30, "sha256": None}])
def test_a_manifest_with_odd_facts_is_refused(facts: Any, kind: Any, tmp_path: Path) -> None:
    artifact = make(kind, tmp_path / "a")
    reseal(artifact.path, files=dict.fromkeys(artifact.manifest["files"], facts))
    with pytest.raises(ArtifactError, match="changed or cut off"):
        kind.open(artifact.path)


@pytest.mark.parametrize("number", [None, 0, 2, "1", [1]])
def test_another_format_asks_for_an_update(number: Any, kind: Any, tmp_path: Path) -> None:
    reseal(make(kind, tmp_path / "a").path, format=number)
    with pytest.raises(ArtifactError, match="another format"):
        kind.open(tmp_path / "a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DEEP = b"[" * 100_000


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(DEEP))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_for_a_manifest_are_an_artifact_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    if not path.exists():
        make(Dataset, path)
    (path / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        Dataset.open(path)
    assert caught.value.where == str(path / MANIFEST)


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_manifest_with_any_stretch_replaced_is_an_artifact_error(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "a").exists():
        make(ModelBundle, tmp_path / "a")
        shutil.copyfile(tmp_path / "a" / MANIFEST, tmp_path / "good")
    good = (tmp_path / "good").read_bytes()
    start = data.draw(st.integers(0, len(good) - 2))
    stop = data.draw(st.integers(start, min(len(good), start + 20)))
    bad = good[:start] + data.draw(st.binary(max_size=20)) + good[stop:]
    (tmp_path / "a" / MANIFEST).write_bytes(bad)
    try:
        ModelBundle.open(tmp_path / "a")
    except ArtifactError:
        return
    assert json.loads(bad) == json.loads(good)


@pytest.mark.parametrize("kind", [Dataset, ModelBundle], ids=["dataset", "bundle"])
def test_the_same_content_is_the_same_bytes(kind: Any, tmp_path: Path) -> None:
    one, other = make(kind, tmp_path / "one"), make(kind, tmp_path / "other")
    assert one.fingerprint == other.fingerprint
    for path in one.path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (other.path / path.relative_to(one.path)).read_bytes()


def test_what_fails_midway_leaves_the_artifact_before_it_and_no_litter(tmp_path: Path) -> None:
    before = make(Dataset, tmp_path / "a")
    with pytest.raises(ValueError, match="JSON"), new_directory(tmp_path / "a") as draft:
        write_json(draft / "half.json", float("nan"))
    assert Dataset.open(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_artifact_replaces_the_one_before_it_wholly(tmp_path: Path) -> None:
    make(ModelBundle, tmp_path / "a")
    assert make(Dataset, tmp_path / "a").rows == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_another_user_may_read_it(tmp_path: Path) -> None:
    assert make(Dataset, tmp_path / "a").path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("what", ["file", "folder"])
def test_files_that_are_no_artifact_are_never_replaced(what: str, tmp_path: Path) -> None:
    mine = tmp_path / "thesis"
    if what == "folder":
        mine.mkdir()
        mine /= "chapter"
    mine.write_text("years of work")
    with pytest.raises(ArtifactError, match="in the way"):
        make(Dataset, tmp_path / "thesis")
    assert mine.read_text() == "years of work"


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert make(Dataset, tmp_path / "a").rows == 3


def test_a_place_below_a_file_is_told(tmp_path: Path, kind: Any) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="cannot be written"):
        make(kind, tmp_path / "file" / "a")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_leaves_the_dataset_before_it(small_disk: Path) -> None:
    before = make(Dataset, small_disk / "a")
    noise = pa.table({"s": [os.urandom(512).hex() for _ in range(5_000)]})
    with pytest.raises(ArtifactError, match="cannot be written") as caught:
        write_table(small_disk / "a", noise, part_rows=500)
    assert "free space" in caught.value.do
    assert Dataset.open(small_disk / "a") == before
    assert [path.name for path in small_disk.iterdir()] == ["a"]


def test_a_full_disk_leaves_the_bundle_before_it(small_disk: Path) -> None:
    before = make(ModelBundle, small_disk / "a")
    with pytest.raises(ArtifactError, match="cannot be written"), new_directory(small_disk / "a") as draft:
        (draft / "model.onnx").write_bytes(bytes(2**21))
    assert ModelBundle.open(small_disk / "a") == before


def test_fingerprint_of_any_path(tmp_path: Path) -> None:
    dataset = make(Dataset, tmp_path / "a")
    assert fingerprint_of(dataset.path) == dataset.fingerprint
    assert fingerprint_of(tmp_path / "nothing") == ""
    (tmp_path / "empty").mkdir()
    assert fingerprint_of(tmp_path / "empty") == ""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / MANIFEST).write_text('{"name": "a web app"}')
    assert len(fingerprint_of(tmp_path / "web")) == len(fingerprint_of(tmp_path / "web" / MANIFEST)) == 64
