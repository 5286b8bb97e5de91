"""What can be wrong when images are built and pushed is named as what it is, with what to do next."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "build_images"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, known = [sys.executable, SCRIPT, *words], {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250, env=known)


@pytest.fixture(scope="module")
def build_images() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("build_images", str(SCRIPT))
    spec = importlib.util.spec_from_loader("build_images", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_no_engine(tmp_path: Path) -> None:
    done = run(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode != 0
    assert "no Docker engine answers" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("--target", "python-tabula"), ("--push",)])
def test_a_wrong_flag(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    ("said", "what", "do"),
    [
        ("write /x: no space left on device", "disk is full", "prune"),
        ('Get "https://registry.example/v2/": no such host', "base image is not there", "PYTHON=..."),
        ("error: Hash mismatch for x", "the image does not build", "first error"),
        ("", "the image does not build", "first error"),
    ],
)
def test_a_build_that_fails(build_images: ModuleType, said: str, what: str, do: str) -> None:
    error = build_images.build_error("predictor", said)
    assert what in error.what
    assert do in error.do


@pytest.mark.parametrize(
    ("said", "do"),
    [
        ("denied: requested access to the resource is denied", "docker login host:1"),
        ("unauthorized: authentication required", "docker login host:1"),
        ("dial tcp: lookup host: no such host", "check --registry"),
        ("server gave HTTP response to HTTPS client", "insecure-registries"),
    ],
)
def test_a_push_that_fails(build_images: ModuleType, said: str, do: str) -> None:
    error = build_images.push_error("host:1/fairlead/predictor:1", said)
    assert do in error.do
    assert error.where == "host:1"
    assert error.got == said


@pytest.mark.docker
def test_a_registry_that_is_not_there_is_named(build_images: ModuleType) -> None:
    from docker.errors import ImageNotFound

    from fairlead.errors import RunError
    from fairlead.images import PREDICTOR
    from fairlead.run.docker_engine import connect

    client, tag = connect(), "localhost:1/fairlead/predictor:none"
    try:
        client.images.get(PREDICTOR).tag(tag)
    except ImageNotFound:
        pytest.skip(f"no image {PREDICTOR}: make images builds it")
    try:
        with pytest.raises(RunError, match="the registry does not take the image"):
            build_images.push(client, tag)
    finally:
        client.images.remove(tag)


@pytest.mark.docker
def test_a_wrong_registry_is_refused_before_anything_is_built() -> None:
    done = run("--registry", "https://host")
    assert done.returncode != 0
    assert "a registry has another kind of name" in done.stderr
    assert "Step 1" not in done.stdout
