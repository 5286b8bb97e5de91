"""A pod that the cluster evicts while it trains: its step is run again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from traffic import Traffic

if TYPE_CHECKING:
    from pushing import Service

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
DEADLINE_S = 300


def begin(service: Service, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Starts the pipeline on the cluster, as a user does; gives the process and the run's id."""
    settings = yaml.safe_load(service.cluster.file.read_text())
    settings["steps"]["train_lightgbm"] = {"retries": 2}
    (folder / "cluster.yaml").write_text(yaml.safe_dump(settings))
    values = {"service": service.name, "namespace": service.api.namespace}
    words = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    command = [Path(sys.executable).parent / "fairlead", "run", HERE / "train_and_push.py", "--runner", "kfp"]
    run = subprocess.Popen(
        [*command, "--cluster", folder / "cluster.yaml", "--out", folder / "out", "--no-cache", *words],
        env={**os.environ, "COLUMNS": "200"},
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if found := re.search(r"run ([0-9a-f-]{36}) ", line):
            return run, found[1]
    raise AssertionError("".join(said))


def training_pod(service: Service, run: str) -> dict[str, Any]:
    """The pod that trains, once it does."""
    pods = f"/api/v1/namespaces/{service.cluster.runs}/pods"
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for pod in service.api.items(pods, labelSelector=f"pipeline/runid={run}"):
            runs = pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
            trains = '"train_lightgbm"' in json.dumps(pod["spec"]["containers"])
            main = [item for item in pod["status"].get("containerStatuses", []) if item["name"] == "main"]
            if runs and trains and main and "running" in main[0]["state"]:
                return pod
        time.sleep(0.2)
    raise AssertionError(f"run {run} does not come to train")


def evict(service: Service, pod: dict[str, Any]) -> None:
    """As the cluster does before it drains a node."""
    place = {key: pod["metadata"][key] for key in ("name", "namespace")}
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": place,
        "deleteOptions": {"gracePeriodSeconds": 0},
    }
    service.api.create(f"/api/v1/namespaces/{place['namespace']}/pods/{place['name']}/eviction", body)


def test_evicted_while_it_trains(standing: Service, tmp_path: Path) -> None:
    """The step is run again, and only its model is pushed."""
    old = standing.serves
    with Traffic.on(standing.cluster, standing.name) as traffic:
        process, run = begin(standing, tmp_path)
        first = training_pod(standing, run)
        evict(standing, first)
        second = training_pod(standing, run)
        assert first["metadata"]["uid"] != second["metadata"]["uid"]
        assert standing.serves == old
        said, _ = process.communicate(timeout=DEADLINE_S)
        seen = traffic.more(20)
    assert process.returncode == 0, said
    assert standing.serves != old
    assert not seen.failed, seen.failures
    assert {model for model, _ in seen.answers} == {old, standing.serves}
    assert standing.leftovers() == []
