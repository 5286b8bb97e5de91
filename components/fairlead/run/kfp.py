"""The kfp runner: Kubeflow Pipelines runs the steps; this machine uploads, watches, and fetches what they gave.

An interrupt ends the run on the cluster, too: what nobody waits for should not hold a GPU. Steps that had finished stay
in KFP's cache. A run that goes on although this machine lost sight of it is named in the error.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError, FairleadError, RunError
from fairlead.object_store import exists
from fairlead.run.cluster_store import open_store
from fairlead.run.kfp_api import V2, KfpApi
from fairlead.run.kfp_follow import Follower
from fairlead.run.kfp_inputs import overwritable, store_files
from fairlead.run.kfp_outputs import Outputs, PodLogs, nodes_of
from fairlead.run.kfp_settings import apply_settings, limit_caching
from fairlead.run.kfp_submit import ir_text, read_documents, submit
from fairlead.run.parameters import check_parameters
from fairlead.run.placement import RunFolder
from fairlead.run.read_ir import load_pipeline
from fairlead.run.result import Event, RunResult, cannot_write, failure_of, nobody

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.kfp_submit import Submitted
    from fairlead.run.pipeline_ir import Pipeline
    from fairlead.run.result import Listener, State

RUNNER = "kfp"
POLL_S = 1.0


@dataclass(frozen=True)
class Prepared:
    """A pipeline that is ready to be submitted.

    Attributes:
        pipeline: its tasks.
        text: its IR, with the cluster's settings.
        values: its parameters, with the defaults.
    """

    pipeline: Pipeline
    text: str
    values: dict[str, Any]


def run_on_cluster(
    ir: Path | dict[str, Any],
    *,
    cluster: ClusterFile,
    parameters: dict[str, Any],
    out: Path,
    cached: bool = True,
    listener: Listener = nobody,
) -> RunResult:
    """Runs a compiled pipeline on Kubeflow Pipelines.

    Args:
        ir: the YAML that KFP's compiler wrote, or its content.
        cluster: where, and with what.
        parameters: values by name; the cluster's stand in for those left out, then the pipeline's defaults.
        out: gets `<task>/<artifact>`, `logs/<task>.log` and `run.json`.
        cached: steps may be taken from earlier runs, where that is safe.
        listener: hears what happens.

    Raises:
        ConfigError: a wrong parameter or setting, or no compiled pipeline.
        ClusterError: Kubeflow Pipelines or the object store does not answer, or refuses.
        RunError: a step failed; `run.json` is written all the same.
        KeyboardInterrupt: after the run was ended and `run.json` written.
    """
    prepared = prepare(ir, cluster, parameters, cached=cached)
    api, store = KfpApi.connect(cluster), open_store(cluster.storage)
    exists(cluster.storage.inputs, store)  # outputs come from there, too: better an error now than after an hour
    with RunFolder(out) as folder:
        given = store_files(prepared.pipeline.dag, prepared.values, cluster.storage, store)
        run = submit(api, cluster, prepared.pipeline.name, prepared.text, given)
        logs = PodLogs(cluster.namespace, store)
        outputs = Outputs(api, store, logs, folder)
        follower = Follower(prepared.pipeline, prepared.values, folder, outputs, logs, listener)
        listener(_started(prepared, api, run, logs))
        began = time.perf_counter()
        state: State = "interrupted"
        try:
            state = _follow(api, run.run, follower)
            follower.finish("skipped")
        except KeyboardInterrupt:
            _terminate(api, run.run)
            raise
        except FairleadError:
            state = "failed"
            raise
        except OSError as error:
            state = "failed"
            raise cannot_write(folder.out, error) from error
        finally:
            follower.finish("interrupted")
            seconds = time.perf_counter() - began
            listener(Event("run_finished", prepared.pipeline.name, state, seconds))
            result = _result(prepared, run, folder, follower, state, seconds)
            result.write()
    for failed in (task for task in result.tasks.values() if task.state == "failed"):
        raise failure_of(failed, result.out)
    return result


def prepare(ir: Path | dict[str, Any], cluster: ClusterFile, parameters: dict[str, Any], *, cached: bool) -> Prepared:
    """Checks everything that can be checked without the cluster, and writes its settings into the pipeline.

    Raises:
        ConfigError: a wrong parameter or setting, or no compiled pipeline.
    """
    spec, platform = read_documents(ir)
    pipeline = load_pipeline(spec)
    known = {name: value for name, value in cluster.parameters.items() if name in pipeline.parameters}
    values = check_parameters(pipeline.parameters, {**known, **parameters})
    apply_settings(spec, platform, cluster)
    limit_caching(spec, overwritable(pipeline.dag, values) if cached else None)
    return Prepared(pipeline, ir_text(spec, platform, cluster.registry), values)


def _started(prepared: Prepared, api: KfpApi, run: Submitted, logs: PodLogs) -> Event:
    live = f"; logs come when steps end ({logs.why_not_live})" if logs.why_not_live else ""
    note = f"run {run.run} on {api.host}, version {run.version}, experiment {run.experiment}{live}"
    steps = [task.label for task in prepared.pipeline.steps]
    return Event("run_started", prepared.pipeline.name, facts={"runner": RUNNER, "steps": steps, "note": note})


def _follow(api: KfpApi, run: str, follower: Follower) -> State:
    """Watches until the run has ended.

    Raises:
        RunError: a step cannot start, or the run failed without a step that did.
        ClusterError: this machine lost sight of it.
    """
    while True:
        try:
            nodes = nodes_of(api, run)
            follower.look(nodes)
        except ClusterError as error:
            error.do = f"{error.do}; run {run} goes on meanwhile"
            raise
        if follower.stuck:
            label, why = follower.stuck
            _terminate(api, run)
            advice = "mend the image's name, its registry's rights, or the Secret in the cluster file"
            raise RunError("a step cannot start; the run was ended", where=f"step {label!r}", got=why, do=advice)
        if nodes.ended:
            failed = any(result.state == "failed" for result in follower.results.values())
            if nodes.phase != "Succeeded" and not failed:
                advice = "look at the run in Kubeflow Pipelines"
                raise RunError("the run failed on the cluster", where=f"run {run}", got=nodes.message, do=advice)
            return "failed" if failed else "succeeded"
        time.sleep(POLL_S)


def _terminate(api: KfpApi, run: str) -> None:
    """Ends a run; who cannot be reached any more cannot be told."""
    with suppress(ClusterError):
        api.post(f"{V2}/runs/{run}:terminate")


def _result(
    prepared: Prepared, run: Submitted, folder: RunFolder, follower: Follower, state: State, seconds: float
) -> RunResult:
    name, outputs = prepared.pipeline.name, follower.root.outputs()
    lineage = {"run": run.run, "version": run.version, "experiment": run.experiment}
    return RunResult(name, RUNNER, folder.out, prepared.values, state, seconds, follower.results, outputs, lineage)
