"""Walks a pipeline: opens nested pipelines, decides conditions, starts steps as their inputs appear, and collects.

Every runner is driven by this one walk, so what a pipeline means does not depend on where its steps run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import fingerprint_of
from fairlead.errors import FairleadError, RunError
from fairlead.run.executor_io import executor_input, file_name, import_artifact, read_outputs
from fairlead.run.parameters import convert, fill
from fairlead.run.pipeline_ir import Constant, Dag, Importer, PythonStep
from fairlead.run.result import Artifact, Event, TaskResult
from fairlead.run.scope import Scope
from fairlead.run.step import Step

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.run.cache import StepCache
    from fairlead.run.pipeline_ir import Pipeline, Task
    from fairlead.run.placement import RunFolder
    from fairlead.run.result import Listener, State
    from fairlead.run.step import StepRunner


@dataclass
class Attempt:
    """A step that runs."""

    scope: Scope
    task: Task
    draft: Path
    inputs: dict[str, Any]
    key: str
    began: float
    number: int = 1


class Engine:
    """One run of one pipeline.

    Args:
        pipeline: what to run; checked already.
        steps: how steps run.
        folder: where outputs go.
        cache: where finished steps are kept; None runs every step.
        listener: hears of every task.
    """

    def __init__(
        self, pipeline: Pipeline, steps: StepRunner, folder: RunFolder, cache: StepCache | None, listener: Listener
    ) -> None:
        self._pipeline, self._steps, self._folder, self._cache, self._listener = (
            pipeline,
            steps,
            folder,
            cache,
            listener,
        )
        self._scopes: list[Scope] = []
        self._running: dict[str, Attempt] = {}
        self._failed = False
        self.results: dict[str, TaskResult] = {}

    def run(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Runs every task that its conditions let run; gives the pipeline's outputs, less those that never came."""
        root = Scope(self._pipeline.dag, parameters)
        self._scopes.append(root)
        while True:
            while self._advance():
                pass
            if not self._running:
                return root.outputs()
            self._collect()

    def _advance(self) -> bool:
        """Moves every task that can move; says whether one did."""
        moved = False
        for scope in list(self._scopes):
            for task in scope.dag.tasks:
                if task.name not in scope.states and self._move(scope, task):
                    moved = True
            if scope.finished:
                self._close(scope)
                moved = True
        return moved

    def _move(self, scope: Scope, task: Task) -> bool:
        before = [scope.states.get(name) for name in task.after]
        if not all(before):
            return False
        if not task.always and (self._failed or not {"skipped", "failed"}.isdisjoint(before)):
            self._end(scope, task, TaskResult(task.label, "skipped"))
            return True
        if isinstance(task.component.body, PythonStep) and len(self._running) >= self._steps.slots:
            return False
        try:
            self._begin(scope, task)
        except FairleadError as error:
            self._end(scope, task, TaskResult(task.label, "failed", error=str(error)))
        return True

    def _begin(self, scope: Scope, task: Task) -> None:
        inputs = self._inputs(scope, task)
        body = task.component.body
        if task.condition and not task.condition.holds(inputs):
            self._end(scope, task, TaskResult(task.label, "skipped"))
        elif isinstance(body, Dag):
            scope.states[task.name] = None
            self._scopes.append(Scope(body, inputs, task, scope))
        elif isinstance(body, Importer):
            self._listener(Event("task_started", task.label))
            artifact = import_artifact(task, body, inputs, self._names(task))
            self._end(scope, task, TaskResult(task.label, "succeeded", artifacts={artifact.name: artifact}))
        elif isinstance(body, PythonStep):
            self._begin_step(scope, task, body, inputs)

    def _begin_step(self, scope: Scope, task: Task, body: PythonStep, inputs: dict[str, Any]) -> None:
        self._listener(Event("task_started", task.label))
        scope.states[task.name] = None
        attempt = Attempt(scope, task, self._folder.draft(task.label), inputs, "", time.perf_counter())
        if self._cache and task.cached:
            parameters = {name: value for name, value in inputs.items() if not isinstance(value, Artifact)}
            artifacts = {name: value for name, value in inputs.items() if isinstance(value, Artifact)}
            attempt.key = self._cache.key(body, self._steps.code(body), parameters, artifacts)
            kept = self._cache.restore(attempt.key, attempt.draft)
            if kept:
                self._finish(attempt, "cached", *kept)
                return
        self._folder.log(task.label)
        self._start(attempt, body)

    def _start(self, attempt: Attempt, body: PythonStep) -> None:
        given = executor_input(attempt.task, attempt.inputs, attempt.draft)
        self._running[attempt.task.label] = attempt
        self._steps.start(Step(attempt.task.label, body, given, self._folder.logs / f"{attempt.task.label}.log"))

    def _collect(self) -> None:
        """Takes in the next step that ended: its outputs, another attempt, or its failure."""
        step, failure = self._steps.wait()
        attempt = self._running.pop(step.label)
        if failure and attempt.number <= attempt.task.retries:
            time.sleep(attempt.task.backoff)
            attempt.number, attempt.draft = attempt.number + 1, self._folder.draft(step.label)
            self._start(attempt, step.python)
        elif failure:
            self._fail(attempt, failure)
        else:
            try:
                self._finish(attempt, "succeeded", *read_outputs(attempt.task, step.executor_input))
            except FairleadError as error:
                self._fail(attempt, str(error))

    def _fail(self, attempt: Attempt, failure: str) -> None:
        seconds = time.perf_counter() - attempt.began
        self._end(attempt.scope, attempt.task, TaskResult(attempt.task.label, "failed", seconds, error=failure))

    def _finish(self, attempt: Attempt, state: State, parameters: dict[str, Any], drafts: dict[str, Artifact]) -> None:
        label, artifacts = attempt.task.label, {}
        for name, draft in drafts.items():
            path = self._folder.place(draft.path, label, file_name(name, draft.type))
            artifacts[name] = Artifact(
                name, draft.type, path, draft.metadata, draft.fingerprint or fingerprint_of(path)
            )
        if self._cache and attempt.key and state == "succeeded":
            self._cache.keep(attempt.key, parameters, artifacts)
        seconds = time.perf_counter() - attempt.began
        self._end(attempt.scope, attempt.task, TaskResult(label, state, seconds, parameters, artifacts))

    def _end(self, scope: Scope, task: Task, result: TaskResult) -> None:
        scope.states[task.name] = result.state
        scope.values[task.name] = {**result.parameters, **result.artifacts}
        self._failed |= result.state == "failed"
        for label in _steps_in(task):  # one for a step; every inner one of a nested pipeline that is skipped
            self.results[label] = result if label == task.label else TaskResult(label, result.state, error=result.error)
            self._listener(Event("task_finished", label, result.state, result.seconds, result.facts, result.error))

    def _close(self, scope: Scope) -> None:
        self._scopes.remove(scope)
        if scope.parent and scope.task:
            scope.parent.values[scope.task.name] = scope.outputs()
            scope.parent.states[scope.task.name] = "failed" if scope.failed else "succeeded"

    def _names(self, task: Task) -> dict[str, str]:
        return {"pipeline_task_name": task.name, "pipeline_job_name": self._pipeline.name}

    def _inputs(self, scope: Scope, task: Task) -> dict[str, Any]:
        """A task's parameters and artifacts: constants filled, defaults put in, values of the declared types."""
        known = task.component.parameters
        values = {name: item.default for name, item in known.items() if item.default is not None}
        found = {name: scope.value(source) for name, source in task.inputs.items()}
        values |= {name: value for name, value in found.items() if value is not None}
        constants = {
            name: values[name]
            for name, source in task.inputs.items()
            if isinstance(source, Constant) and name in values
        }
        values |= {name: fill(value, values, self._names(task), task.label) for name, value in constants.items()}
        for name, item in known.items():
            if item.required and name not in values:
                advice = "give it a default, or make sure that the branch that gives it is taken"
                raise RunError("an input never came", where=f"task {task.label!r}, parameter {name!r}", do=advice)
        return {name: convert(known[name].type, value) if name in known else value for name, value in values.items()}


def _steps_in(task: Task) -> list[str]:
    body = task.component.body
    if isinstance(body, Dag):
        return [label for inner in body.tasks for label in _steps_in(inner)]
    return [task.label]
