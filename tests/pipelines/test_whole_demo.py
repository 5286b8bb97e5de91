"""The whole demo, all 336,776 flights, by every runner: the same bytes, and in containers that reach nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from pipeline_runs import FLIGHTS, fingerprints, tasks

if TYPE_CHECKING:
    from pipeline_runs import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def demo(project: Project) -> Project:
    """The demo's own config, on a free port."""
    given = yaml.safe_load(FLIGHTS.read_text())
    schema = project.folder / "schema.yaml"  # beside the config, where a container sees it
    schema.write_text((FLIGHTS.parent / "flights.schema.yaml").read_text())
    project.config.write_text(yaml.safe_dump({**given, "port": 0, "schema": str(schema)}))
    return project


def test_every_runner_writes_the_demos_fingerprints(demo: Project) -> None:
    found = {}
    for runner in ("in-process", "fork", "subprocess"):
        ran = demo.fairlead("--no-cache", runner=runner)
        assert ran.returncode == 0, ran.stderr
        found[runner] = fingerprints(demo.folder / runner)
    assert tasks(demo.folder / "fork")["ingest-table"]["artifacts"]["data"]["metadata"]["rows"] == 327346
    names = [name for name in found["fork"] if not name.startswith(("load-champion", "evaluate-model"))]
    assert all(found[runner][name] == found["in-process"][name] for runner in found for name in names)
    assert found["fork"] == found["subprocess"]  # these two met the same champion


@pytest.mark.docker
def test_the_demo_in_containers_is_the_demo(demo: Project) -> None:
    for runner in ("docker", "in-process"):
        ran = demo.fairlead("--no-cache", runner=runner)
        assert ran.returncode == 0, ran.stderr
    here, inside = (fingerprints(demo.folder / runner) for runner in ("in-process", "docker"))
    names = [name for name in here if not name.startswith(("load-champion", "evaluate-model"))]
    assert {name: inside[name] for name in names} == {name: here[name] for name in names}
