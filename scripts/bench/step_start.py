"""From a container's start to the first line of a step's logic: our image, and kfp's lightweight component."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml
from kfp import compiler, dsl

from fairlead.images import TABULAR

BASE = "python:3.11-slim"
#: What a step of train_lightgbm needs, as the project's extras name it.
PACKAGES = [
    "duckdb",
    "pyarrow",
    "pydantic",
    "jinja2",
    "numpy",
    "lightgbm",
    "scikit-learn",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "skops",
]


def first_line() -> None:
    """A step whose logic says when it starts."""
    import time

    print("first line", time.time(), flush=True)


def command_of(image: str, packages: list[str], *, install: bool) -> list[str]:
    """The container command that kfp compiles for it."""
    options = {"base_image": image, "packages_to_install": packages, "install_kfp_package": install}
    first_line.__annotations__.clear()  # text, which kfp takes for an artifact's name
    made = dsl.component(**options)(first_line)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "step.yaml")
        compiler.Compiler().compile(made, str(path))
        container = yaml.safe_load(path.read_text())["deploymentSpec"]["executors"]["exec-first-line"]["container"]
    outputs = {"outputs": {"outputFile": "/tmp/out.json"}}  # noqa: S108 - the container's own
    words = {"{{$}}": json.dumps(outputs)}
    return [words.get(word, word) for word in container["command"] + container.get("args", [])]


def seconds(image: str, packages: list[str], *, install: bool, times: int) -> float:
    """The median of `docker run` to the first line."""
    command = ["docker", "run", "--rm", *([] if install else ["--network=none"]), image]
    command += command_of(image, packages, install=install)
    took = []
    for _ in range(times):
        start = time.time()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        line = next(line for line in done.stdout.splitlines() if line.startswith("first line"))
        took.append(float(line.split()[2]) - start)
    return statistics.median(took)


def step_start(times: int = 5) -> dict[str, float]:
    """Seconds by way."""
    return {
        "fairlead's image": seconds(TABULAR, [], install=False, times=times),
        "kfp lightweight, kfp alone installed at start": seconds(BASE, [], install=True, times=min(times, 3)),
        "kfp lightweight, the step's libraries installed at start": seconds(BASE, PACKAGES, install=True, times=1),
    }


if __name__ == "__main__":
    for way, value in step_start().items():
        print(f"{way:60}{value:8.2f} s")
