"""One step: the source that a pipeline carries, driven by kfp's own Executor."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fairlead.run.kfp_runtime import load_executor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.run.pipeline_ir import PythonStep


@dataclass(frozen=True)
class Step:
    """A step that is ready to run.

    Attributes:
        label: the task's.
        python: its source.
        executor_input: inputs and places for outputs, as a cluster's launcher gives them.
        log: takes what the step prints.
    """

    label: str
    python: PythonStep
    executor_input: dict[str, Any]
    log: Path


class StepRunner(Protocol):
    """Runs steps in its own way; `slots` is how many at once."""

    slots: int

    def code(self, step: PythonStep) -> str:
        """What stands for all code that a step runs besides its own source; another value is another step."""

    def start(self, step: Step) -> None:
        """Begins a step, or runs it."""

    def wait(self) -> tuple[Step, str]:
        """The next step that ended, and why it failed ("" when it did not)."""

    def stop(self) -> None:
        """Ends whatever still runs."""


def execute(step: Step) -> None:
    """Runs a step here; its outputs and executor output are files, as on a cluster."""
    executor = load_executor()
    names: dict[str, Any] = {"__name__": f"step_{step.python.function}"}
    exec(compile(step.python.source, f"<step {step.label}>", "exec", dont_inherit=True), names)  # noqa: S102 - the pipeline's own code is what a run runs
    with environment(step.python.env):
        given = json.loads(json.dumps(step.executor_input))
        executor(executor_input=given, function_to_execute=names[step.python.function]).execute()


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Sets environment variables for the time of a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
