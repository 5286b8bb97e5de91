"""What a run tells while it runs, and what it leaves behind in `run.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fairlead.artifacts.directory import rename_file
from fairlead.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

State = Literal["succeeded", "cached", "skipped", "failed", "interrupted"]
RUN_FILE = "run.json"
LONGEST_FACT = 60


@dataclass(frozen=True)
class Artifact:
    """An artifact of a task.

    Attributes:
        name: the output's.
        type: KFP's schema title and version.
        path: where it lies.
        metadata: what the step recorded of it.
        fingerprint: of its content.
    """

    name: str
    type: dict[str, str]
    path: Path
    metadata: dict[str, Any]
    fingerprint: str = ""

    @property
    def runtime(self) -> dict[str, Any]:
        """As a step's executor input names it."""
        return {"name": self.name, "type": self.type, "uri": str(self.path), "metadata": self.metadata}


@dataclass(frozen=True)
class TaskResult:
    """How a task ended; `seconds` is the wall time of its step."""

    name: str
    state: State
    seconds: float = 0.0
    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    error: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """Short facts for a line on the screen: rows, metrics, verdicts."""
        stated = [key for artifact in self.artifacts.values() for key in artifact.metadata]
        merged: dict[str, Any] = {}
        for artifact in self.artifacts.values():
            for key, value in artifact.metadata.items():
                merged[key if stated.count(key) == 1 else f"{artifact.name} {key}"] = value
        merged |= self.parameters
        return {
            key: value
            for key, value in merged.items()
            if isinstance(value, str | int | float)
            and not key.endswith("fingerprint")
            and len(str(value)) <= LONGEST_FACT
        }


@dataclass(frozen=True)
class RunResult:
    """A whole run, as `run.json` holds it; `cluster` says under which names a cluster knows it."""

    pipeline: str
    runner: str
    out: Path
    config: dict[str, Any]
    state: State
    seconds: float
    tasks: dict[str, TaskResult]
    outputs: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, str] = field(default_factory=dict)

    def write(self) -> None:
        """Writes `run.json` at once or not at all.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        import json

        value = {**asdict(self), "tasks": [asdict(task) for task in self.tasks.values()]}
        draft = self.out / f".{RUN_FILE}.draft"
        try:
            draft.write_text(json.dumps(value, indent=1, default=str) + "\n", "utf-8")
            rename_file(draft, self.out / RUN_FILE)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise cannot_write(self.out, error) from error


@dataclass(frozen=True)
class Event:
    """Something happened.

    Attributes:
        kind: run_started, task_started, task_finished or run_finished.
        name: of the pipeline or task.
        state: how it ended.
        seconds: how long it took.
        facts: of a task, see `TaskResult.facts`; of a run's start, the names of its `steps` and perhaps a `note`.
        error: what failed.
    """

    kind: Literal["run_started", "task_started", "task_finished", "run_finished"]
    name: str
    state: State | None = None
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""


Listener = Callable[[Event], None]


def nobody(_event: Event) -> None:
    """The listener that hears nothing."""


def failure_of(failed: TaskResult, out: Path) -> RunError:
    """The error of a run one of whose steps failed."""
    log = out / "logs" / f"{failed.name}.log"
    got = failed.error.replace("\n", "\n         ")
    where = log if log.exists() else out
    return RunError(
        f"step {failed.name!r} failed", where=where, got=got, do="mend that and run again; finished steps are kept"
    )


def cannot_write(folder: Path, error: OSError) -> RunError:
    """The error of a run whose folder is full or closed."""
    return RunError(
        "the run cannot write", where=folder, got=error.strerror or error, do="free space there, or give another --out"
    )
