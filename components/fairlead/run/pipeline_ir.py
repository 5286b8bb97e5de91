"""A compiled pipeline as small typed values, tasks in the order of their dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.run.condition import Condition


@dataclass(frozen=True)
class Parameter:
    """A parameter that a component or pipeline takes or gives; `type` is KFP's name for it."""

    name: str
    type: str
    required: bool = False
    default: Any = None
    description: str = ""


@dataclass(frozen=True)
class Constant:
    """A value in the pipeline's text; may hold `{{$.…}}` placeholders."""

    value: Any


@dataclass(frozen=True)
class FromParent:
    """An input of the enclosing pipeline."""

    name: str


@dataclass(frozen=True)
class FromTask:
    """An output of a task beside."""

    task: str
    key: str


@dataclass(frozen=True)
class FinalStatus:
    """How a task beside ended."""

    task: str


Input = Constant | FromParent | FromTask | FinalStatus


@dataclass(frozen=True)
class PythonStep:
    """A lightweight Python component: its source travels in the pipeline."""

    source: str
    function: str
    image: str
    command: tuple[str, ...]
    env: dict[str, str]


@dataclass(frozen=True)
class Importer:
    """A `dsl.importer`: names an artifact that lies somewhere already; no `uri` means its input of that name."""

    uri: str | None
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Unsupported:
    """Something that no local runner does, by the name its author knows it by."""

    feature: str


@dataclass(frozen=True)
class Dag:
    """Tasks in an order in which they can run, and the outputs, each with its candidates (several for OneOf)."""

    tasks: tuple[Task, ...]
    outputs: dict[str, tuple[FromTask, ...]]


@dataclass(frozen=True)
class Component:
    """What a task does: its interface and its body."""

    parameters: dict[str, Parameter]
    output_parameters: dict[str, Parameter]
    output_artifacts: dict[str, dict[str, str]]
    body: PythonStep | Importer | Unsupported | Dag


@dataclass(frozen=True)
class Task:
    """A component in its place.

    Attributes:
        name: unique among its neighbours.
        label: unique in the pipeline; its folder and its line on the screen.
        always: runs whatever became of the tasks before it, as exit handlers do.
        cached: its result may be taken from an earlier run.
        retries: how often a failed step is tried again, and the seconds between.
    """

    name: str
    label: str
    component: Component
    inputs: dict[str, Input]
    after: frozenset[str]
    condition: Condition | None = None
    always: bool = False
    cached: bool = False
    retries: int = 0
    backoff: float = 0.0
    loop: bool = False


@dataclass(frozen=True)
class Pipeline:
    """A whole compiled pipeline."""

    name: str
    root: Component

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What a run can be given."""
        return self.root.parameters

    @property
    def dag(self) -> Dag:
        """The outermost tasks."""
        body = self.root.body
        return body if isinstance(body, Dag) else Dag((), {})

    @property
    def steps(self) -> list[Task]:
        """Every task that is not a pipeline itself, in an order in which they can run."""
        return list(_steps(self.dag))


def _steps(dag: Dag) -> Iterator[Task]:
    for task in dag.tasks:
        if isinstance(task.component.body, Dag):
            yield from _steps(task.component.body)
        else:
            yield task
