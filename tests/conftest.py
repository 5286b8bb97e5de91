from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cluster_here
import docker_here
import s3_here

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fairlead_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test has services, registry and cache of its own; the path is short, for unix sockets."""
    home = Path(tempfile.mkdtemp(prefix="fl-"))
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def cluster() -> Iterator[cluster_here.ClusterHere]:
    """The cluster, for a test with the marker of that name; what the test made there is removed after it."""
    with cluster_here.ClusterHere.lent() as here:
        yield here


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_here.S3]:
    """A real S3 server of the test process; left out by name where there is none, in CI a failure then."""
    if s3_here.WHY_NOT:
        (pytest.fail if os.environ.get("FAIRLEAD_CLUSTER") == "required" else pytest.skip)(s3_here.WHY_NOT)
    with s3_here.serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_server: s3_here.S3, monkeypatch: pytest.MonkeyPatch) -> s3_here.S3:
    """The same with an empty bucket, and with the environment of who may use it."""
    bucket = s3_server.data / "bucket"
    shutil.rmtree(bucket)
    bucket.mkdir()
    for name, value in s3_server.keys.items():
        monkeypatch.setenv(name, value)
    return s3_server


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test of containers or a cluster is left out by name where there is none for it; in CI it fails then."""
    for marker, here in (("docker", docker_here), ("cluster", cluster_here)):
        if item.get_closest_marker(marker) and (reason := here.why_not()):
            (pytest.fail if os.environ.get(f"FAIRLEAD_{marker.upper()}") == "required" else pytest.skip)(reason)
