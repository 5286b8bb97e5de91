"""Runs a compiled pipeline: checks first, then the engine with the runner that was asked for, then `run.json`.

On a cluster Kubeflow Pipelines is the engine: see `kfp.py`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError, RunError
from fairlead.run.cache import StepCache
from fairlead.run.engine import Engine
from fairlead.run.parameters import check_parameters
from fairlead.run.pipeline_ir import Dag, Unsupported
from fairlead.run.placement import RunFolder
from fairlead.run.read_ir import load_pipeline
from fairlead.run.result import Event, RunResult, cannot_write, failure_of, nobody

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.pipeline_ir import Pipeline
    from fairlead.run.result import Listener, State, TaskResult
    from fairlead.run.step import StepRunner


def _in_process(_pipeline: Pipeline) -> StepRunner:
    from fairlead.run.in_process import InProcessRunner

    return InProcessRunner()


def _fork(pipeline: Pipeline) -> StepRunner:
    from fairlead.run.fork import fork_runner

    return fork_runner(pipeline)


def _subprocess(pipeline: Pipeline) -> StepRunner:
    from fairlead.run.kfp_local import subprocess_runner

    return subprocess_runner(pipeline)


def _docker(pipeline: Pipeline, memory: str = "") -> StepRunner:
    from fairlead.run.docker import docker_runner

    return docker_runner(pipeline, memory)


#: The runners by name; each gives something that runs steps.
RUNNERS: dict[str, Callable[..., StepRunner]] = {
    "in-process": _in_process,
    "fork": _fork,
    "subprocess": _subprocess,
    "docker": _docker,
}
#: Where Kubeflow Pipelines runs them.
ON_CLUSTER = "kfp"


def run_pipeline(
    ir: Path | dict[str, Any],
    *,
    runner: str,
    parameters: dict[str, Any],
    out: Path,
    cache: Path | None = None,
    listener: Listener = nobody,
    memory: str = "",
    cluster: ClusterFile | None = None,
) -> RunResult:
    """Runs a compiled pipeline.

    Args:
        ir: the YAML that KFP's compiler wrote, or its content.
        runner: in-process, fork, subprocess, docker or kfp.
        parameters: values by name; the pipeline's defaults stand in for the rest.
        out: gets `<task>/<artifact>`, `logs/<task>.log` and `run.json`; an artifact of an earlier run stays until a
            finished step replaces it.
        cache: where finished steps are kept and found again (on a cluster KFP keeps them); None runs every step.
        listener: hears what happens.
        memory: the most that a step may use (2g), for the docker runner.
        cluster: for the kfp runner; None is the one that this process is in.

    Raises:
        ConfigError: an unknown runner, a wrong parameter, or no compiled pipeline.
        RunError: a feature that no local runner has, or a step that failed; `run.json` is written all the same.
        KeyboardInterrupt: after every step was stopped and `run.json` written.
    """
    _check_flags(runner, memory, cluster)
    if runner == ON_CLUSTER:
        from fairlead.run.cluster_file import read_cluster_file
        from fairlead.run.kfp import run_on_cluster

        there = cluster or read_cluster_file(None)
        return run_on_cluster(
            ir, cluster=there, parameters=parameters, out=out, cached=cache is not None, listener=listener
        )
    pipeline = load_pipeline(ir)
    refuse_unsupported(pipeline)
    values = check_parameters(pipeline.parameters, parameters)
    steps = RUNNERS[runner](pipeline, **({"memory": memory} if memory else {}))
    with RunFolder(out) as folder:
        engine = Engine(pipeline, steps, folder, StepCache(cache.absolute()) if cache else None, listener)
        listener(
            Event(
                "run_started", pipeline.name, facts={"runner": runner, "steps": [task.label for task in pipeline.steps]}
            )
        )
        began, outputs = time.perf_counter(), {}
        state: State = "interrupted"
        try:
            outputs = engine.run(values)
            state = "failed" if _failures(engine) else "succeeded"
        except OSError as error:
            state = "failed"
            raise cannot_write(folder.out, error) from error
        finally:
            steps.stop()
            seconds = time.perf_counter() - began
            listener(Event("run_finished", pipeline.name, state, seconds))
            result = RunResult(pipeline.name, runner, folder.out, values, state, seconds, engine.results, outputs)
            result.write()
    for failed in _failures(engine):
        raise failure_of(failed, folder.out)
    return result


def _check_flags(runner: str, memory: str, cluster: ClusterFile | None) -> None:
    if runner not in (*RUNNERS, ON_CLUSTER):
        raise ConfigError("there is no such runner", got=runner, do=f"use one of {', '.join((*RUNNERS, ON_CLUSTER))}")
    if memory and runner == ON_CLUSTER:
        advice = "set steps.NAME.memory in the cluster file"
        raise ConfigError("a cluster's steps have limits of their own", got=f"--memory {memory}", do=advice)
    if memory and runner != "docker":
        raise ConfigError("only containers have a memory limit", got=f"--memory {memory}", do="use --runner docker")
    if cluster and runner != ON_CLUSTER:
        advice = f"use --runner {ON_CLUSTER}"
        raise ConfigError("only the kfp runner runs on a cluster", got=f"--cluster with --runner {runner}", do=advice)


def _failures(engine: Engine) -> list[TaskResult]:
    return [result for result in engine.results.values() if result.state == "failed"]


def refuse_unsupported(pipeline: Pipeline) -> None:
    """Looks through all tasks before any runs.

    Raises:
        RunError: it names the task, the feature, and where it would run.
    """

    def look(dag: Dag) -> None:
        for task in dag.tasks:
            body = task.component.body
            feature = "dsl.ParallelFor" if task.loop else body.feature if isinstance(body, Unsupported) else ""
            if feature:
                advice = "run it on a cluster, or with kfp.local's DockerRunner"
                raise RunError(
                    "the local runners do not support this", where=f"task {task.label!r}", got=feature, do=advice
                )
            if isinstance(body, Dag):
                look(body)

    look(pipeline.dag)
