"""A release against a real registry: Debian's docker-registry in a container of this engine."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.images import PREDICTOR, TABULAR
from fairlead.relocate import relocated
from fairlead.run.docker_engine import connect, image_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
DOCKERFILE = b"""\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker-registry && rm -rf /var/lib/apt/lists/*
RUN sed -i '/^auth:/,/path:/d' /etc/docker/registry/config.yml
ENV REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/tmp/registry
CMD ["docker-registry", "serve", "/etc/docker/registry/config.yml"]
"""


def script(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / name, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """HOST:PORT of an empty registry."""
    from docker.errors import BuildError

    client = connect()
    image_ids(client, [TABULAR, PREDICTOR])
    try:
        image, _ = client.images.build(fileobj=io.BytesIO(DOCKERFILE), tag="fairlead-test/registry:1", rm=True)
    except BuildError as error:
        pytest.skip(f"no registry can be built here: {error}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"localhost:{free.getsockname()[1]}"
    address = {"REGISTRY_HTTP_ADDR": host}
    container = client.containers.run(image.id, detach=True, network_mode="host", environment=address)
    try:
        wait_for(f"http://{host}/v2/")
        yield host
    finally:
        container.remove(force=True, v=True)


def wait_for(url: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1)  # noqa: S310 - the registry started above
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{url} does not answer")


@pytest.fixture(scope="module")
def released(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A release whose images the registry has: pushed as build_images pushes, without building anew."""
    client, out = connect(), tmp_path_factory.mktemp("release") / "dist"
    tags = [relocated(image, registry) for image in (TABULAR, PREDICTOR)]
    for image, tag in zip((TABULAR, PREDICTOR), tags, strict=True):
        client.images.get(image).tag(tag)
    try:
        for tag in tags:
            assert not [event for event in client.api.push(tag, stream=True, decode=True) if "error" in event]
        done = script("release", "--registry", registry, "--out", str(out))
        assert done.returncode == 0, done.stderr
        yield out
    finally:
        for tag in tags:
            client.images.remove(tag)


def images_of(path: Path) -> list[str]:
    executors: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["deploymentSpec"]["executors"]
    return [executor["container"]["image"] for executor in executors.values() if "container" in executor]


def test_every_image_is_pinned_by_the_registrys_digest(released: Path, registry: str) -> None:
    manifests = f"http://{registry}/v2/fairlead/python-tabular/manifests/"
    for path in [*released.glob("components/*.yaml"), *released.glob("pipelines/*.yaml")]:
        for image in images_of(path):
            assert image.startswith(f"{registry}/fairlead/python-tabular@sha256:")
            accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
            request = urllib.request.Request(manifests + image.partition("@")[2], headers=accept)  # noqa: S310 - ours
            assert urllib.request.urlopen(request, timeout=10).status == 200  # noqa: S310 - likewise


def test_no_other_registry_is_named_in_it(released: Path, registry: str) -> None:
    bundle = json.loads((released / "bundle.json").read_text())
    found = [image for path in released.rglob("*.yaml") for image in images_of(path)] + list(bundle["images"].values())
    assert {image.split("/")[0] for image in found} == {registry}


def test_the_bundle_lists_what_a_mirror_needs(released: Path, registry: str) -> None:
    bundle = json.loads((released / "bundle.json").read_text())
    assert list(bundle["images"]) == sorted(relocated(image, registry) for image in (TABULAR, PREDICTOR))
    assert all("@sha256:" in pull for pull in bundle["images"].values())
    wheels = {wheel["name"]: wheel for wheel in bundle["wheels"]}
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert len(bundle["wheels"]) == 1 + sum("==" in line and not line.startswith(" ") for line in lock.splitlines())
    ours = wheels["fairlead"]
    assert ours["sha256"] == [hashlib.sha256((released / ours["file"]).read_bytes()).hexdigest()]
    assert all(wheel["sha256"] for wheel in bundle["wheels"])


def test_the_checksums_hold_for_every_file(released: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=released, check=True)
    listed = {line.split("  ")[1] for line in (released / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(released)) for path in released.rglob("*") if path.is_file()}
    assert there == listed | {"SHA256SUMS"}


def test_components_load_in_kfp(released: Path) -> None:
    from kfp.components import load_component_from_file

    for path in released.glob("components/*.yaml"):
        assert load_component_from_file(str(path)).name == path.stem.replace("_", "-")


def test_each_image_has_an_sbom(released: Path) -> None:
    assert {path.name for path in released.glob("sbom/*")} == {"python-tabular.cdx.json", "predictor.cdx.json"}


def test_without_a_registry_nothing_is_pinned_and_that_is_said(tmp_path: Path) -> None:
    done = script("release", "--out", str(tmp_path / "dist"))
    assert done.returncode == 1
    assert "images have no digest, since no registry has them" in done.stderr
    assert TABULAR in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "dist").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    done = script("release", "--out", str(tmp_path), "--allow-unpinned")
    assert done.returncode == 1
    assert "holds something else" in done.stderr
    assert (tmp_path / "letters.txt").read_text() == "dear"
