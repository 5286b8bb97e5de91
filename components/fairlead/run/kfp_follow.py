"""Follows a run on a cluster: from its nodes to the events and results that a local run gives.

The pipeline's own tasks are walked, each looked up among the nodes, so that names, order and outputs are the local
runners'. Where a loop runs a task several times, the index of each time follows the task's name: `task.0`, `task.1`.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from fairlead.errors import RunError
from fairlead.object_store import is_remote
from fairlead.run.executor_io import import_artifact
from fairlead.run.isolated import explain
from fairlead.run.kfp_log import fatal_words, own_words
from fairlead.run.parameters import fill
from fairlead.run.pipeline_ir import Dag, Importer
from fairlead.run.result import Event, TaskResult
from fairlead.run.scope import Scope

if TYPE_CHECKING:
    from fairlead.run.kfp_nodes import Node, Nodes
    from fairlead.run.kfp_outputs import Outputs, PodLogs
    from fairlead.run.pipeline_ir import Pipeline, Task
    from fairlead.run.placement import RunFolder
    from fairlead.run.result import Artifact, Listener, State

#: Seconds that a log takes at most from its pod's end into the object store.
ARCHIVED_S = 15.0
#: Seconds after which a pod that cannot start, for one of these reasons, is taken to stay so.
STUCK_S = 60.0
STUCK = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError")
EXIT = re.compile(r"exit status (\d+)$")


class Follower:
    """What has become of each task so far.

    Args:
        pipeline: that runs.
        values: its parameters.
        folder: takes logs and artifacts.
        outputs: fetches what steps gave.
        logs: of pods.
        listener: hears of every task.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        values: dict[str, Any],
        folder: RunFolder,
        outputs: Outputs,
        logs: PodLogs,
        listener: Listener,
    ) -> None:
        self._pipeline, self._folder, self._outputs, self._logs, self._listener = (
            pipeline,
            folder,
            outputs,
            logs,
            listener,
        )
        self.root = Scope(pipeline.dag, values)
        self._inner: dict[str, Scope] = {}
        self._started: set[str] = set()
        self._ended: dict[str, float] = {}
        self.results: dict[str, TaskResult] = {}
        self.stuck: tuple[str, str] | None = None

    def look(self, nodes: Nodes) -> None:
        """Takes in what has changed.

        Raises:
            ClusterError: the object store does not answer, or refuses.
        """
        self._walk(nodes, self.root, "root", "")

    def finish(self, state: State) -> None:
        """Gives every task that never came to its turn, or to its end, this state."""
        for task in self._pipeline.steps:
            if task.label not in self.results and not any(name.startswith(f"{task.label}.") for name in self.results):
                self._tell(TaskResult(task.label, state))

    def _walk(self, nodes: Nodes, scope: Scope, place: str, times: str) -> None:
        for task in scope.dag.tasks:
            if scope.states.get(task.name) in (None, ""):
                path, body = _path(nodes, place, task), task.component.body
                if isinstance(body, Importer):
                    self._importer(nodes, scope, task, path, times)
                elif isinstance(body, Dag):
                    self._group(nodes, scope, task, path, times)
                else:
                    self._step(nodes, scope, task, path, times)

    def _group(self, nodes: Nodes, scope: Scope, task: Task, path: str, times: str) -> None:
        """A condition, a nested pipeline, or a loop: its driver decides, then its tasks follow."""
        whole = nodes.get(path)
        driver = nodes.get(f"{path}{'.iteration' if task.loop else ''}-driver") or whole
        if driver is None or not driver.ended:
            return
        if driver.phase != "Succeeded" or driver.output("condition") == "false":
            self._leave_out(scope, task, driver, times)
            return
        body = task.component.body
        rounds = nodes.iterations(path) if task.loop else {-1: path}
        for index, place in rounds.items():
            if place not in self._inner:
                self._inner[place] = Scope(body, _inputs(scope, task), task, scope)  # type: ignore[arg-type]  # a Dag
            self._walk(nodes, self._inner[place], place, f"{times}.{index}" if index >= 0 else times)
        inner = [self._inner[place] for place in rounds.values()]
        if all(one.finished for one in inner) and (not task.loop or (whole and whole.ended)):
            scope.states[task.name] = "failed" if any(one.failed for one in inner) else "succeeded"
            scope.values[task.name] = {} if task.loop else inner[0].outputs()

    def _leave_out(self, scope: Scope, task: Task, driver: Node, times: str) -> None:
        """A whole group that does not run, or cannot."""
        failed = driver.phase in ("Failed", "Error")
        error = fatal_words(self._logs.text(driver)) or driver.message if failed else ""
        for label in _labels(task):
            self._tell(TaskResult(f"{label}{times}", "failed" if failed else "skipped", error=error))
        scope.states[task.name] = "failed" if failed else "skipped"

    def _importer(self, nodes: Nodes, scope: Scope, task: Task, path: str, times: str) -> None:
        node = nodes.get(path)
        if node is None or not node.ended:
            return
        label, body = f"{task.label}{times}", task.component.body
        self._listener(Event("task_started", label))
        state: State = "succeeded" if node.phase == "Succeeded" else "skipped"
        result = TaskResult(label, state, node.finished - node.began)
        if node.phase in ("Failed", "Error"):
            error = fatal_words(self._logs.text(node)) or node.message
            result = TaskResult(label, "failed", node.finished - node.began, error=error)
        elif state == "succeeded" and isinstance(body, Importer):
            artifact = self._imported(task, body, _inputs(scope, task))
            result = TaskResult(label, state, node.finished - node.began, artifacts={artifact.name: artifact})
        self._end(scope, task, result)

    def _imported(self, task: Task, importer: Importer, inputs: dict[str, Any]) -> Artifact:
        """A file of this machine is itself, as in a local run; all else is fetched."""
        names = {"pipeline_task_name": task.name, "pipeline_job_name": self._pipeline.name}
        uri = str(importer.uri if importer.uri is not None else inputs.get("uri"))
        if not is_remote(uri):
            return import_artifact(task, importer, inputs, names)
        ((name, kind),) = task.component.output_artifacts.items()
        metadata = fill(importer.metadata, inputs, names, task.label)
        return self._outputs.fetch(uri, task.label, name, kind, metadata)

    def _step(self, nodes: Nodes, scope: Scope, task: Task, path: str, times: str) -> None:
        label, driver, attempts = f"{task.label}{times}", nodes.get(f"{path}-driver"), nodes.attempts(path)
        if driver is None:
            return
        state = _state(nodes, path, driver)
        if state == "skipped":
            self._end(scope, task, TaskResult(label, state))
            return
        if label not in self._started:
            self._started.add(label)
            (self._folder.logs / f"{label}.log").unlink(missing_ok=True)  # an earlier run's
            self._listener(Event("task_started", label))
        last = attempts[-1] if attempts and state != "cached" else driver
        if not state:
            self._watch(label, attempts)
        elif not self._archived(nodes, label, last):
            return
        else:
            seconds = max(last.finished - driver.began, 0.0)
            self._end(scope, task, self._finished(nodes, task, path, label, state, seconds))

    def _watch(self, label: str, attempts: list[Node]) -> None:
        """A step that has not ended: its log so far, and why it does not start."""
        if not attempts:
            return
        if attempts[-1].phase == "Pending":
            waiting = attempts[-1].message
            if waiting.startswith(STUCK) and time.time() - attempts[-1].began > STUCK_S:
                self.stuck = (label, waiting)
        elif not self._logs.why_not_live:
            self._keep_log(label, attempts)

    def _archived(self, nodes: Nodes, label: str, node: Node) -> bool:
        """The log of an ended pod lies where it will be read, or never will."""
        since = self._ended.setdefault(label, time.monotonic())
        return bool(node.log) or nodes.ended or not nodes.archives or time.monotonic() - since > ARCHIVED_S

    def _keep_log(self, label: str, attempts: list[Node]) -> str:
        """Writes what a step has printed so far; gives the last attempt's log, the launcher's words included."""
        texts = [self._logs.text(node) for node in attempts]
        path = self._folder.logs / f"{label}.log"
        said = "".join(map(own_words, texts))
        path.write_text(said, "utf-8")
        return texts[-1] if texts else ""

    def _finished(self, nodes: Nodes, task: Task, path: str, label: str, state: State, seconds: float) -> TaskResult:
        driver, attempts = nodes.get(f"{path}-driver"), nodes.attempts(path)
        if state == "failed" and driver is not None and driver.phase != "Succeeded":
            return TaskResult(label, state, seconds, error=fatal_words(self._logs.text(driver)) or driver.message)
        text = "" if state == "cached" else self._keep_log(label, attempts)
        if state == "failed":
            body = nodes.get(f"{path}.executor")
            return TaskResult(label, state, seconds, error=self._why([*attempts, body], label, text))
        try:
            parameters, artifacts = self._outputs.of_step(nodes, path, task, label)
        except RunError as error:  # it ended well, but nobody can tell with what
            return TaskResult(label, "failed", seconds, error=str(error))
        return TaskResult(label, state, seconds, parameters, artifacts)

    def _why(self, tried: list[Node | None], label: str, text: str) -> str:
        """Why a step's pod failed."""
        message = next((node.message for node in tried if node and node.message), "")
        if "OOMKilled" in message:
            return "it was killed because memory ran out (OOM); give it more: steps.NAME.memory in the cluster file"
        said = fatal_words(text)
        ended = EXIT.search(said)
        if ended:
            return explain(int(ended[1]), self._folder.logs / f"{label}.log")
        return said or message or "its pod failed without a word"

    def _end(self, scope: Scope, task: Task, result: TaskResult) -> None:
        scope.states[task.name] = result.state
        scope.values[task.name] = {**result.parameters, **result.artifacts}
        self._tell(result)

    def _tell(self, result: TaskResult) -> None:
        self.results[result.name] = result
        self._listener(Event("task_finished", result.name, result.state, result.seconds, result.facts, result.error))


def _path(nodes: Nodes, place: str, task: Task) -> str:
    """Where the nodes of a task are: that of an exit handler hangs on the group that it waits for."""
    for before in sorted(task.after) if task.always else ():
        hook = f"{place}.{before}.onExit.{task.name}"
        if nodes.get(f"{hook}-driver") or nodes.get(hook):
            return hook
    return f"{place}.{task.name}"


def _state(nodes: Nodes, path: str, driver: Node) -> Any:
    """How a step ended; "" while it has not."""
    if not driver.ended:
        return ""
    if driver.phase in ("Skipped", "Omitted") or driver.output("condition") == "false":
        return "skipped"
    if driver.phase != "Succeeded":
        return "failed"
    if driver.output("cached-decision") == "true":
        return "cached"
    body = nodes.get(f"{path}.executor")  # with retries, the node that holds the attempts
    if body is None or not body.ended:
        return ""
    return "succeeded" if body.phase == "Succeeded" else "failed"


def _inputs(scope: Scope, task: Task) -> dict[str, Any]:
    """What is known here of a task's inputs, for what its importers name and its outputs are."""
    defaults = {name: item.default for name, item in task.component.parameters.items() if item.default is not None}
    found = {name: scope.value(source) for name, source in task.inputs.items()}
    return {**defaults, **{name: value for name, value in found.items() if value is not None}}


def _labels(task: Task) -> list[str]:
    body = task.component.body
    return [label for inner in body.tasks for label in _labels(inner)] if isinstance(body, Dag) else [task.label]
