from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import docker_here

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fairlead_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test has services, registry and cache of its own; the path is short, for unix sockets."""
    home = Path(tempfile.mkdtemp(prefix="fl-"))
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test of containers is left out by name where there is no engine, or no image of ours; in CI it fails then."""
    if item.get_closest_marker("docker") and (reason := docker_here.why_not()):
        (pytest.fail if os.environ.get("FAIRLEAD_DOCKER") == "required" else pytest.skip)(reason)
