"""Wall time and peak memory of whole processes: medians, since these machines are noisy."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIB = 1024


def seconds(command: Sequence[str], times: int = 7, before: Callable[[], None] = lambda: None, **env: str) -> float:
    """The median wall time of a command, from process start to its end."""
    took = []
    for _ in range(times):
        before()
        start = time.perf_counter()
        ran = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        took.append(time.perf_counter() - start)
        if ran.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return statistics.median(took)


def python(code: str, times: int = 7, **env: str) -> float:
    """The median wall time of a line of Python, from process start."""
    return seconds([sys.executable, "-c", code], times, **env)


def memory(code: str, **env: str) -> float:
    """The peak resident memory in MiB of a line of Python."""
    shown = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"  # its own, since exec
    command = [sys.executable, "-c", f"{code}\n{shown}"]
    ran = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    return int(ran.stdout.split()[-2]) / MIB


def interleaved(commands: dict[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """Medians of several measurements taken in turn, so that a slow minute hits them all."""
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, measure in commands.items():
            took[name].append(measure())
    return {name: statistics.median(values) for name, values in took.items()}
