"""Steps in processes of their own: started by fork, watched by pidfd (Linux), explained when they fail."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
import warnings
from itertools import takewhile
from typing import TYPE_CHECKING, NoReturn

from fairlead.errors import FairleadError
from fairlead.run.cache import code_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fairlead.run.pipeline_ir import PythonStep
    from fairlead.run.step import Step

SIGNAL_CODE = 128  # a shell's exit code for a program killed by signal N is 128 + N
UNCAUGHT = 1  # Python's exit code after a traceback
TAIL_BYTES = 20_000
TOLD = "error: "


class IsolatedRunner:
    """Forks a child for each step, in a process group of its own, so that all of it can be killed.

    Args:
        body: runs in the child; gives the exit code.
        chores: work for the parent while it waits, a piece at a time.
    """

    slots = min(2, len(os.sched_getaffinity(0)))

    def __init__(self, body: Callable[[Step], int], chores: Iterable[object] = ()) -> None:
        self._body, self._chores = body, iter(chores)
        self._children: dict[int, tuple[int, Step]] = {}
        self._poll = select.poll()

    def code(self, step: PythonStep) -> str:
        """The digest of this environment's code."""
        return code_digest(step.source)

    def start(self, step: Step) -> None:
        """Begins the step."""
        pid = os.fork()
        if pid == 0:
            _become(step, self._body)
        watch = os.pidfd_open(pid)
        self._children[watch] = (pid, step)
        self._poll.register(watch, select.POLLIN)

    def wait(self) -> tuple[Step, str]:
        """The next step that ended; until then the parent does its chores."""
        while not (ended := self._poll.poll(0)) and next(self._chores, None) is not None:
            pass
        watch = (ended or self._poll.poll())[0][0]
        pid, step = self._children.pop(watch)
        self._poll.unregister(watch)
        os.close(watch)
        _, status = os.waitpid(pid, 0)
        return step, explain(os.waitstatus_to_exitcode(status), step.log)

    def stop(self) -> None:
        """Kills every child with all that it started."""
        for watch, (pid, _) in self._children.items():
            for kill in (os.killpg, os.kill):  # the group is not there in a child's first instants
                try:
                    kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            os.waitpid(pid, 0)
            os.close(watch)
        self._children.clear()


def _become(step: Step, body: Callable[[Step], int]) -> NoReturn:
    """Turns a fresh child into the step; nothing climbs from here into the parent's stack, not even a full disk."""
    code = UNCAUGHT
    try:
        _leave_parent(step)
        code = _run(step, body)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _leave_parent(step: Step) -> None:
    """A process group, signals, output and warnings of its own."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log = os.open(step.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    warnings.simplefilter("default")


def _run(step: Step, body: Callable[[Step], int]) -> int:
    try:
        return body(step)
    except FairleadError as error:
        print(f"{TOLD}{error}", file=sys.stderr)  # noqa: T201 - the last words of a process
        return error.exit_code
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201 - as Python does
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - a step is foreign code
        traceback.print_exc()
        return UNCAUGHT


def explain(code: int, log: Path) -> str:
    """Why a step failed, from its exit code and the end of its log; "" for a step that did not."""
    if code == 0:
        return ""
    number = -code if code < 0 else code - SIGNAL_CODE
    if number in set(signal.Signals):
        name = signal.Signals(number).name
        memory = "; the kernel does that when memory runs out" if name == "SIGKILL" else ""
        return f"it was killed by {name}{memory}"
    said, told = last_words(log)
    if told or (code == UNCAUGHT and said):
        return said
    return f"it ended with exit code {code}" + (f"; its last line: {said}" if said else "")


def last_words(log: Path) -> tuple[str, bool]:
    """The error that a step told in fairlead's form, and True; else the last line that it printed, and False."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = stream.read().decode("utf-8", "replace").rstrip().splitlines()
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith(TOLD):
            more = takewhile(lambda line: line.startswith("  "), lines[index + 1 :])
            return "\n".join([lines[index].removeprefix(TOLD), *more]), True
    return (lines[-1] if lines else ""), False
