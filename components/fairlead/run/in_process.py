"""The in-process runner: every step in this process, one after the other; the fastest, and nothing is isolated."""

from __future__ import annotations

import traceback
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError
from fairlead.run.cache import code_digest
from fairlead.run.step import Step, execute

if TYPE_CHECKING:
    from collections import deque

    from fairlead.run.pipeline_ir import PythonStep


class InProcessRunner:
    """Runs a step as soon as it starts. A step that kills its process kills the run."""

    slots = 1

    def __init__(self) -> None:
        from collections import deque

        self._ended: deque[tuple[Step, str]] = deque()

    def code(self, step: PythonStep) -> str:
        """The digest of this environment's code."""
        return code_digest(step.source)

    def start(self, step: Step) -> None:
        """Runs the step; what Python prints goes to its log."""
        with step.log.open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            failure = ""
            try:
                execute(step)
            except FairleadError as error:
                failure = str(error)
            except SystemExit as error:
                said = error.code if isinstance(error.code, str) else f"it ended with exit code {error.code}"
                failure = said if error.code else ""
            except Exception as error:  # noqa: BLE001 - a step is foreign code; its traceback is kept in the log
                traceback.print_exc(file=log)
                failure = f"{type(error).__name__}: {error}"
        self._ended.append((step, failure))

    def wait(self) -> tuple[Step, str]:
        """The step that was started last."""
        return self._ended.popleft()

    def stop(self) -> None:
        """Nothing runs beside."""
