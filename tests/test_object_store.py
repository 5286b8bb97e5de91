"""Files and folders in a real S3 server, and what a user is told when they cannot be had."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import ArtifactError, ClusterError, ConfigError, DataError
from fairlead.object_store import Store, as_s3, download, exists, is_remote, read, upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3_here import S3

SECONDS = 15  # in which an error must come


def test_a_file_comes_back_as_it_went(s3: S3, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000  # more than one part
    (tmp_path / "file").write_bytes(content)
    upload(tmp_path / "file", "s3://bucket/a/b.bin")
    assert exists("s3://bucket/a/b.bin")
    download("minio://bucket/a/b.bin?region=x", tmp_path / "new" / "back")
    assert (tmp_path / "new" / "back").read_bytes() == content
    assert read("s3://bucket/a/b.bin") == content
    assert s3.objects() == ["a/b.bin"]


def test_a_folder_comes_back_as_it_went_and_leaves_no_other_keys(s3: S3, tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "one").write_text("1")
    (tmp_path / "folder" / "inner" / "two").write_text("")
    upload(tmp_path / "folder", "s3://bucket/there")
    assert s3.objects() == ["there/inner/two", "there/one"]
    assert exists("s3://bucket/there")
    download("s3://bucket/there", tmp_path / "back")
    assert (tmp_path / "back" / "one").read_text() == "1"
    assert (tmp_path / "back" / "inner" / "two").read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "folder"]


@pytest.mark.parametrize("uri", ["s3://bucket/none", "minio://bucket/a/none"])
def test_a_key_that_is_not_there_is_told(s3: S3, tmp_path: Path, uri: str) -> None:
    (s3.data / "bucket" / "a").mkdir()
    assert not exists(uri)
    for fetch in (lambda: download(uri, tmp_path / "x"), lambda: read(uri)):
        with pytest.raises(DataError, match="there is no such object") as caught:
            fetch()
        assert caught.value.where == uri
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there_is_told(s3: S3, tmp_path: Path) -> None:
    del s3
    (tmp_path / "file").write_text("x")
    with pytest.raises(ClusterError, match="there is no such bucket") as caught:
        download("s3://nobody/x", tmp_path / "x")
    assert (caught.value.got, caught.value.status) == ("nobody", 404)
    with pytest.raises(ClusterError, match="there is no such bucket") as caught:
        upload(tmp_path / "file", "s3://nobody/x")
    assert caught.value.got == "nobody"


@pytest.mark.parametrize(
    ("change", "what", "words"),
    [
        ({"secret_key": "wrong"}, "refuses these keys", ["signature", "AWS_SECRET_ACCESS_KEY"]),
        ({"access_key": "nobody"}, "refuses these keys", ["access key", "AWS_ACCESS_KEY_ID"]),
        ({"region": "mars-1"}, "in another region", ["us-east-1", "AWS_REGION"]),
        ({"endpoint": "http://127.0.0.1:1"}, "does not answer", ["127.0.0.1", "AWS_ENDPOINT_URL"]),
        ({"endpoint": "http://nobody.invalid:9000"}, "does not answer", ["nobody.invalid", "resolve"]),
    ],
)
def test_what_is_wrong_is_told_within_seconds(
    s3: S3, tmp_path: Path, change: dict[str, str], what: str, words: list[str]
) -> None:
    store = dataclasses.replace(s3.store, **change)
    (tmp_path / "file").write_text("x")
    began = time.monotonic()
    for do in (
        lambda: exists("s3://bucket/x", store),
        lambda: download("s3://bucket/x", tmp_path / "new", store),
        lambda: read("s3://bucket/x", store),
        lambda: upload(tmp_path / "file", "s3://bucket/x", store),
    ):
        with pytest.raises(ClusterError, match=what) as caught:
            do()
        assert [word for word in words if word not in str(caught.value)] == []
        assert caught.value.where == "s3://bucket/x"
    assert time.monotonic() - began < SECONDS
    assert not (tmp_path / "new").exists()
    assert s3.objects() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_that_is_full_is_this_machine_s_own_error(s3: S3, tmp_path: Path, small_disk: Path) -> None:
    del s3
    (tmp_path / "file").write_bytes(bytes(2 << 20))
    upload(tmp_path / "file", "s3://bucket/folder/file")
    for uri in ("s3://bucket/folder/file", "s3://bucket/folder"):
        with pytest.raises(ArtifactError, match="cannot be written or read here") as caught:
            download(uri, small_disk / "x")
        assert "No space left on device" in caught.value.got
        assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("uri", ["/a/path", "s3://", "http://host/x", "s3:/bucket/x", ""])
def test_what_is_no_uri_is_told(uri: str) -> None:
    with pytest.raises(ConfigError, match="no URI of an object store"):
        exists(uri, Store())


def test_kfp_s_scheme_is_s3() -> None:
    assert as_s3("minio://bucket/a/b?region=minio&endpoint=x") == "s3://bucket/a/b"
    assert as_s3("s3://bucket/a?b") == "s3://bucket/a?b"
    assert as_s3("gs://bucket/a") == "gs://bucket/a"
    assert [
        uri for uri in ("s3://b", "minio://b", "gs://b", "package:a/b", "/s3://b", "file:///x") if is_remote(uri)
    ] == [
        "s3://b",
        "minio://b",
        "gs://b",
    ]


def test_a_secret_is_not_shown() -> None:
    store = Store("http://here", "r", "key", "hidden-secret", "hidden-token")
    assert "hidden" not in repr(store)
