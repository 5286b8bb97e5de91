"""The fork runner: each step in a forked child of this process, where the libraries lie imported already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.run.isolated import IsolatedRunner
from fairlead.run.kfp_runtime import load_executor
from fairlead.run.preload import preload
from fairlead.run.step import Step, execute

if TYPE_CHECKING:
    from fairlead.run.pipeline_ir import Pipeline


def fork_runner(pipeline: Pipeline) -> IsolatedRunner:
    """A runner for a pipeline's steps; the first starts at once, the parent imports ahead for the others meanwhile."""
    load_executor()
    return IsolatedRunner(_body, preload(pipeline.steps))


def _body(step: Step) -> int:
    execute(step)
    return 0
