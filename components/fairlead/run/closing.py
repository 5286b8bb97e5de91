"""What a user is told when a run has ended: the gate that held it, the reports, the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.run.result import RunResult

#: The words with which a step closes the gate behind it.
CLOSED = ("fail", "reject")
IN_CLUSTER = ".svc.cluster.local/"


def gate_that_held(result: RunResult) -> str:
    """The step whose verdict kept later steps from running, and its word; "" when none did."""
    for name, task in result.tasks.items():
        for value in task.parameters.values():
            if value in CLOSED:
                return f"{name} said {value!r}"
    return ""


def closing_lines(result: RunResult) -> list[str]:
    """The last lines of a run, for standard output."""
    lines = []
    for name, task in result.tasks.items():
        lines += [f"report    {a.path}  ({name})" for a in task.artifacts.values() if "HTML" in a.type["schemaTitle"]]
    held = gate_that_held(result)
    if held:
        lines.append(f"held      {held}; later steps did not run, and what served before serves")
    for task in result.tasks.values():
        curl = task.parameters.get("curl", "")
        lines += [f"try       {curl}{'  (in the cluster)' if IN_CLUSTER in curl else ''}"] if curl else []
    return [*lines, f"run       {result.out / 'run.json'}"]
