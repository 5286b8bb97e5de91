"""On a cluster: a rollout under load, and what a step waits for before its logic starts.

The load and the services are those of the tests in tests/faults.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp import compiler, dsl
from step_start import BASE, PACKAGES

from fairlead.dsl import component
from fairlead.images import TABULAR
from pipelines import in_turn, say_first_line

TESTS = Path(__file__).parents[2] / "tests"
sys.path += [str(TESTS), str(TESTS / "faults")]

from pushing import Service  # noqa: E402 - likewise
from traffic import Traffic  # noqa: E402 - likewise

from cluster_here import ClusterHere, why_not  # noqa: E402 - found by the line above

if TYPE_CHECKING:
    from fairlead.artifacts.bundle import ModelBundle

__all__ = ["ClusterHere", "rollout", "steps_start", "why_not"]
RATE, THREADS = 200, 32
LONGEST_S = 900


def rollout(cluster: ClusterHere, pushes: int = 3) -> dict[str, Any]:
    """Pushes one model after the other to a service that is asked 200 times a second.

    Returns:
        the median seconds of a push, requests, those without an answer, and answers of a model never verified.
    """
    os.environ.update(cluster.keys)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(cluster, cluster.api, cluster.service(), Path(folder))
        models = [service.model(float(slope)) for slope in range(1, pushes + 2)]
        service.push(models[0])
        with Traffic.on(cluster, service.name, rate=RATE, threads=THREADS) as traffic:
            took = [_seconds(service, model) for model in models[1:]]
            seen = traffic.more(RATE)
    right = {(model.fingerprint, str(float(model.path.name))) for model in models}
    wrong = sum(count for answer, count in seen.answers.items() if answer not in right)
    facts = {"asked": seen.asked, "rate": seen.asked / seen.seconds, "failed": seen.failed, "unverified": wrong}
    return {"seconds": statistics.median(took), **facts}


def _seconds(service: Service, model: ModelBundle) -> float:
    began = time.perf_counter()
    assert service.push(model).action == "updated"  # noqa: S101 - or the figure means nothing
    return time.perf_counter() - began


def steps_start(cluster: ClusterHere, times: int = 5, peers: int = 3) -> dict[str, tuple[float, float]]:
    """Seconds from a container's and from a pod's start to the first line of logic, by way; medians."""
    name = cluster.kubectl("config", "current-context").strip().removeprefix("kind-")
    subprocess.run(["kind", "load", "docker-image", BASE, "--name", name], check=True, capture_output=True)
    ours = component(image=TABULAR)(say_first_line)
    theirs = dsl.component(base_image=BASE, packages_to_install=PACKAGES)(say_first_line)
    ways = {"fairlead's image": (ours, times), "the step's libraries installed at start": (theirs, peers)}
    return {way: _step_start(cluster, step, count) for way, (step, count) in ways.items()}


def _step_start(cluster: ClusterHere, step: Any, times: int) -> tuple[float, float]:
    """One step after the other, so that none waits for another's processor."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp's own
        package = str(Path(folder, "pipeline.yaml"))
        compiler.Compiler().compile(in_turn(step, times, "step-start"), package)
        run = cluster.kfp.create_run_from_pipeline_package(package, service_account=cluster.settings["service_account"])
        cluster.after.callback(cluster.kfp.delete_run, run.run_id)
        cluster.kfp.wait_for_run_completion(run.run_id, timeout=LONGEST_S, sleep_duration=1)
    label = f"pipeline/runid={run.run_id}"
    pods = json.loads(cluster.kubectl("get", "pods", "-n", cluster.runs, "-l", label, "-o", "json"))["items"]
    found = [line for pod in pods for line in _lines(cluster, pod)]
    return statistics.median(line[0] for line in found), statistics.median(line[1] for line in found)


def _lines(cluster: ClusterHere, pod: dict[str, Any]) -> list[tuple[float, float]]:
    from datetime import datetime

    started = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
    said = cluster.kubectl("logs", "-n", cluster.runs, pod["metadata"]["name"], "-c", "main")
    words = [line.split()[2:] for line in said.splitlines() if line.startswith("first line")]
    return [(float(since), float(now) - started) for since, now in words]
