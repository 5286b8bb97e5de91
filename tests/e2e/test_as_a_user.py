"""The demo on the cluster by the command line, as the README tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from fairlead.push.stop_service import stop_service
from pipeline_runs import Project, fingerprints, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from cluster_here import ClusterHere

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_the_demo_by_the_command_line(cluster: ClusterHere, tmp_path: Path) -> None:
    """Local files, the reviewed schema among them, go there and what the steps wrote comes back, the same as here."""
    project, service = Project(tmp_path), cluster.service()
    names = ["--set", f"service={service}", "--set", f"model_name={service}"]
    ran = project.fairlead("--cluster", str(cluster.file), *names, runner="kfp")
    assert ran.returncode == 0, ran.stderr
    here = project.fairlead("--no-cache", *names)
    stop_service(service)
    assert here.returncode == 0, here.stderr
    assert fingerprints(tmp_path / "kfp") == fingerprints(tmp_path / "in-process")
    assert tasks(tmp_path / "kfp")["push-model"]["parameters"]["action"] == "created"

    told = project.cli("trace", service, "--namespace", cluster.models)
    assert told.returncode == 0, told.stderr
    inputs = yaml.safe_load(told.stdout)["lineage"]["inputs"]
    assert inputs["train"] == fingerprints(tmp_path / "kfp")["split-table.train"]

    refused = project.cli("rollback", service, "--namespace", cluster.models)
    assert refused.returncode == 6
    assert "nothing served before" in refused.stderr
