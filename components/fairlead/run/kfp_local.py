"""Runners that hand each step's command to kfp.local: a bare Python process now, a container by the same seam."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from fairlead.errors import RunError
from fairlead.run.isolated import IsolatedRunner
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.pipeline_ir import PythonStep

if TYPE_CHECKING:
    from fairlead.run.pipeline_ir import Pipeline
    from fairlead.run.step import Step

INPUT = "{{$}}"
PIP = "-m pip install"


def subprocess_runner(pipeline: Pipeline) -> IsolatedRunner:
    """Runs each step's own command, with this Python and its packages, as kfp.local's SubprocessRunner does.

    Raises:
        RunError: a step would install packages into this environment.
    """
    refuse_installs(pipeline)
    load_compiler()
    import kfp.local.subprocess_task_handler  # noqa: F401 - imported once, here, for all the children

    return IsolatedRunner(_body)


def refuse_installs(pipeline: Pipeline) -> None:
    """Looks through all steps before any runs.

    Raises:
        RunError: a step would install packages when it starts.
    """
    for task in pipeline.steps:
        body = task.component.body
        if isinstance(body, PythonStep) and PIP in " ".join(body.command[: body.command.index(body.source)]):
            advice = "set install_kfp_package=False and keep packages in the image, or use the fork runner"
            raise RunError("a step would install packages here", where=f"task {task.label!r}", got=PIP, do=advice)


def command_of(step: Step) -> list[str]:
    """The command that a cluster would run, its executor input filled in."""
    given = json.dumps(step.executor_input)
    return [given if part == INPUT else part for part in step.python.command]


def _body(step: Step) -> int:
    from kfp.local import SubprocessRunner
    from kfp.local.subprocess_task_handler import SubprocessTaskHandler, replace_python_executable, run_local_subprocess

    runner = SubprocessRunner(use_venv=False)
    handler = SubprocessTaskHandler(step.python.image, command_of(step), str(step.log.parent), runner, step.python.env)
    command = replace_python_executable(handler.full_command, sys.executable)
    environment = {
        **os.environ,
        **handler.env_vars,
        "PYTHONUNBUFFERED": "1",
    }  # a step's last words are the log's last lines
    code: int = run_local_subprocess(command, environment)
    return code if code >= 0 else 128 - code
