"""The docker runner: each step's own command in its own image, a container a step.

The seam is kfp.local's, the command of compiled IR with the executor input filled in. Its DockerTaskHandler is not used
for the rest: it lets the engine remove the container, and with it the exit code and whether memory ran out; it takes a
container that is gone for a success; it mounts one folder for all steps; an interrupt leaves its container running.

A step that needs the machine itself (`needs="machine"`) runs in this process: a push to a local service, whose server
outlives the step.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from fairlead.dsl import NEEDS
from fairlead.errors import RunError
from fairlead.run.docker_container import container_options, container_user, draft_of, hand_over, written_by
from fairlead.run.docker_engine import LABEL, bytes_of, connect, engine_errors, image_ids, owner, refusal, sweep
from fairlead.run.in_process import InProcessRunner
from fairlead.run.isolated import IsolatedRunner, explain
from fairlead.run.kfp_local import refuse_installs
from fairlead.run.pipeline_ir import PythonStep

if TYPE_CHECKING:
    from fairlead.run.pipeline_ir import Pipeline
    from fairlead.run.step import Step

POLL_S = 0.05


def docker_runner(pipeline: Pipeline, memory: str = "") -> DockerRunner:
    """A runner for a pipeline whose images are all there.

    Args:
        pipeline: whose steps will run.
        memory: what each step may use, as Docker writes it (2g); no limit when empty.

    Raises:
        ConfigError: the memory is no amount.
        RunError: no engine, no rights, no image, or a step that would install packages.
    """
    refuse_installs(pipeline)
    bodies = [task.component.body for task in pipeline.steps]
    images = [body.image for body in bodies if isinstance(body, PythonStep) and not _on_machine(body)]
    client = connect()
    try:
        limit = bytes_of(memory) if memory else 0
        ids = image_ids(client, images)
        sweep(client)
    except BaseException:
        client.close()
        raise
    return DockerRunner(client, ids, limit)


class DockerRunner:
    """Runs steps in containers, each followed by a thread.

    Args:
        client: of the engine.
        images: the id of every step's image.
        memory: bytes that a step may use; 0 is no limit.
    """

    slots = IsolatedRunner.slots

    def __init__(self, client: Any, images: dict[str, str], memory: int) -> None:
        self._client, self._images, self._memory = client, images, memory
        self._threads = ThreadPoolExecutor(self.slots)
        self._running: dict[Future[str], Step] = {}
        self._here = InProcessRunner()

    def code(self, step: PythonStep) -> str:
        """The id of its image."""
        return self._here.code(step) if _on_machine(step) else self._images[step.image]

    def start(self, step: Step) -> None:
        """Begins the step; one that needs the machine runs to its end."""
        if _on_machine(step.python):
            self._here.start(step)
            ended: Future[str] = Future()
            ended.set_result(self._here.wait()[1])
            self._running[ended] = step
        else:
            self._running[self._threads.submit(self._run, step)] = step

    def wait(self) -> tuple[Step, str]:
        """The next step that ended."""
        ended = wait(self._running, return_when=FIRST_COMPLETED).done.pop()
        return self._running.pop(ended), ended.result()

    def stop(self) -> None:
        """Removes every container, also one that is only being made, and takes leave of the engine."""
        while not all(future.done() for future in self._running):
            self._remove_all()
            time.sleep(POLL_S)
        self._threads.shutdown()
        self._client.close()

    def _remove_all(self) -> None:
        with suppress(*engine_errors()):
            ours = {"label": f"{LABEL}={owner()}"}
            for container in self._client.containers.list(all=True, filters=ours, ignore_removed=True):
                container.remove(force=True, v=True)

    def _run(self, step: Step) -> str:
        """Runs a step in a container; why it failed, or ""."""
        try:
            for folder in written_by(step):
                hand_over(folder, container_user())
            options = container_options(step, self._images[step.python.image], self._memory)
            container = self._client.containers.create(**options)
            try:
                state = _follow(container, step)
            finally:
                container.remove(force=True, v=True)
            hand_over(draft_of(step), (0, 0))
        except engine_errors() as error:
            return str(refusal(error))
        if state["OOMKilled"] and state["ExitCode"]:
            return self._out_of_memory()
        return explain(state["ExitCode"], step.log)

    def _out_of_memory(self) -> str:
        limit = f"its limit of {self._memory / (1 << 20):,.0f} MiB" if self._memory else "this machine's memory"
        advice = "give it more with --memory, or less data"
        return str(RunError("it was killed because memory ran out (OOM)", where=limit, do=advice))


def _follow(container: Any, step: Step) -> dict[str, Any]:
    """Starts a container, copies what it prints to the step's log, and gives the state that it ended in."""
    from docker.utils.socket import frames_iter

    before = step.log.stat().st_size  # what an earlier attempt said
    printed = container.attach_socket()
    with closing(getattr(printed, "_response", printed)), step.log.open("ab", buffering=0) as log:
        container.start()
        for _, piece in frames_iter(printed, tty=False):
            log.write(piece)
    container.wait()
    told = container.logs()  # once more and whole: on a busy machine the one or the other ends before the last words
    if len(told) > step.log.stat().st_size - before:
        with step.log.open("r+b") as log:
            log.truncate(before)
            log.seek(before)
            log.write(told)
    container.reload()
    state: dict[str, Any] = container.attrs["State"]
    return state


def _on_machine(step: PythonStep) -> bool:
    return step.env.get(NEEDS) == "machine"
