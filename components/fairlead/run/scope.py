"""A pipeline, outer or nested, while its tasks are under way: what went in, what came out, what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.run.pipeline_ir import Constant, Dag, FinalStatus, FromParent, FromTask

if TYPE_CHECKING:
    from fairlead.run.pipeline_ir import Input, Task
    from fairlead.run.result import State

KFP_STATES = {"failed": "FAILED", "skipped": "SKIPPED"}


@dataclass
class Scope:
    """One run of one dag.

    Attributes:
        dag: its tasks.
        inputs: its parameters and artifacts by name.
        task: the task that it is the body of; None for the outermost.
        parent: the scope of that task.
        states: of tasks that began, None while they run.
        values: the outputs of finished tasks.
    """

    dag: Dag
    inputs: dict[str, Any]
    task: Task | None = None
    parent: Scope | None = None
    states: dict[str, State | None] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Every task ended."""
        return all(self.states.get(task.name) for task in self.dag.tasks)

    @property
    def failed(self) -> bool:
        """A task failed."""
        return "failed" in self.states.values()

    def outputs(self) -> dict[str, Any]:
        """The outputs that its tasks gave; of several candidates the one whose branch was taken."""
        found = {}
        for name, choices in self.dag.outputs.items():
            for choice in choices:
                if choice.key in self.values.get(choice.task, {}):
                    found[name] = self.values[choice.task][choice.key]
        return found

    def value(self, source: Input) -> Any:
        """What an input of one of its tasks is; None when nothing gives it."""
        match source:
            case Constant(value):
                return value
            case FromParent(name):
                return self.inputs.get(name)
            case FromTask(task, key):
                return self.values.get(task, {}).get(key)
            case FinalStatus(task):
                state = KFP_STATES.get(self.states.get(task) or "", "SUCCEEDED")
                error = {"code": 1, "message": f"task {task!r} failed"} if state == "FAILED" else {}
                return {"state": state, "pipelineTaskName": task, "pipelineJobResourceName": "local", "error": error}
