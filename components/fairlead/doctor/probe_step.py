"""The probe read by a step: a run of Kubeflow Pipelines whose launcher fetches it, and which then asks for it itself.

It is what a real step is: the image of steps, the account of runs, and the cluster file's settings of `ingest_table`,
the one component that reads the object store by itself.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fairlead.cluster.connect import Cluster
from fairlead.cluster.pods import pods_by
from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.mlflow import tracking_uri
from fairlead.errors import FairleadError
from fairlead.object_store import remove
from fairlead.run.kfp_api import V2, KfpApi
from fairlead.run.kfp_follow import STUCK
from fairlead.run.kfp_log import fatal_words, own_words
from fairlead.run.kfp_outputs import PodLogs, nodes_of
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.kfp_settings import apply_settings
from fairlead.run.kfp_submit import ir_text, start_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.probe import Probe
    from fairlead.doctor.site import Site
    from fairlead.run.kfp_nodes import Node, Nodes

    Json = dict[str, Any]

START, LAUNCHER, STEP, MLFLOW = "step starts", "launcher reads store", "step reads store", "step reaches MLflow"
FAILED = ("Failed", "Error")
LONGEST_S, END_S, POLL_S = 180.0, 30.0, 0.5
COMPONENT = "ingest_table"
KEY = "AWS_ACCESS_KEY_ID"
#: The run's pods, in the order in which they come.
PODS = ("root-driver", "root.importer", "root.ingest-table-driver", "root.ingest-table.executor")


def read_by_a_step(site: Site, probe: Probe) -> Iterator[Finding]:
    """Runs the step, and removes the run at the end whatever happens."""
    api = KfpApi.connect(site.settings)  # of this thread
    logs = PodLogs(site.settings.namespace, site.store) if site.store else None
    run = _submit(site, api, probe)
    nodes = None
    try:
        nodes = _await_end(site, api, run)
        yield from _told(site, nodes, logs) if nodes and logs else ()
    finally:
        _remove(site, api, run)


def _submit(site: Site, api: KfpApi, probe: Probe) -> str:
    spec, platform = _pipeline(site, probe)
    given = {"uri": probe.launcher, "s3": probe.s3, "text": probe.text, "address": tracking_uri(site)}
    both = {"pipeline_spec": spec, "platform_spec": platform} if platform else {"pipeline_spec": spec}
    return start_run(api, site.settings, probe.name, {"pipeline_spec": both}, given)


def _pipeline(site: Site, probe: Probe) -> tuple[Json, Json]:
    """The IR of the run, with the cluster file's settings; by its name its outputs lie beside the probe."""
    import yaml

    load_compiler()
    from google.protobuf.json_format import MessageToDict

    from fairlead.doctor.probe_pipeline import fairlead_doctor

    spec: Json = MessageToDict(fairlead_doctor.pipeline_spec)
    spec["pipelineInfo"]["name"] = probe.name
    platform: Json = {}
    apply_settings(spec, platform, site.settings)
    for task in spec["root"]["dag"]["tasks"].values():
        task.pop("retryPolicy", None)  # one attempt tells it
    text = ir_text(spec, platform, site.settings.registry)
    spec, *rest = yaml.safe_load_all(text)
    return spec, rest[0] if rest else {}


def _await_end(site: Site, api: KfpApi, run: str) -> Nodes | None:
    """The nodes of the run once it has ended or cannot go on; None when the doctor is interrupted."""
    deadline = time.monotonic() + LONGEST_S
    while not site.stop.wait(POLL_S):
        nodes = nodes_of(api, run)
        stuck = any(node.message.startswith(STUCK) for node in _pods(nodes) if node.phase == "Pending")
        if nodes.ended or stuck or time.monotonic() > deadline:
            return nodes
    return None


def _told(site: Site, nodes: Nodes, logs: PodLogs) -> Iterator[Finding]:
    """What the run shows."""
    from fairlead.doctor.probe_pipeline import MARK

    step = nodes.get(PODS[-1])
    text = logs.text(step) if step else ""
    said = next((line.removeprefix(MARK) for line in own_words(text).splitlines() if line.startswith(MARK)), "")
    if said:
        yield from _said(site, json.loads(said))
        return
    if step and step.phase == "Succeeded":
        yield ok(LAUNCHER, "the step ended well")
        yield skip(STEP, "its log cannot be read")
        return
    if step and step.phase in FAILED:
        reason = fatal_words(text) or own_words(text).strip().rpartition("\n")[2] or step.message
        yield fix(LAUNCHER, reason, _mend_launcher(site, reason))
    else:
        yield _not_started(site, nodes, logs)
        yield skip(LAUNCHER, "no step starts")
    yield skip(STEP, "its launcher did not get that far")


def _not_started(site: Site, nodes: Nodes, logs: PodLogs) -> Finding:
    """Why the run did not come to its step's end."""
    kubectl = f"kubectl -n {site.settings.namespace}"
    last = next(reversed(_pods(nodes)), None)
    if last is None:
        return fix(START, nodes.message or "the run has no pod", f"{kubectl} logs deployment/workflow-controller")
    if last.phase in FAILED:
        return fix(START, fatal_words(logs.text(last)) or last.message, f"{kubectl} describe pod {last.pod}")
    return fix(START, last.message or f"no end within {LONGEST_S:.0f} s", _mend_pod(site, last))


def _pods(nodes: Nodes) -> list[Node]:
    """Those that are there."""
    return [node for node in map(nodes.get, PODS) if node]


def _said(site: Site, said: dict[str, str]) -> Iterator[Finding]:
    namespace, settings = site.settings.namespace, site.settings.step(COMPONENT)
    if said["launcher"]:
        yield fix(LAUNCHER, said["launcher"], f"kubectl -n {namespace} get configmap kfp-launcher -o yaml")
    else:
        yield ok(LAUNCHER, f"as {site.settings.service_account or 'the default account'} in {namespace}")
    variables = {*settings.env, *(name for keys in settings.secrets.values() for name in keys.values())}
    if not said["step"]:
        yield ok(STEP, "by the cluster file's settings of ingest_table")
    elif KEY in variables:
        named = " ".join(settings.secrets)
        by = f"correct what steps.ingest_table names in the cluster file: kubectl -n {namespace} edit secret {named}"
        yield fix(STEP, said["step"], by)
    else:
        why = (
            "steps have no keys of their own; name some in steps.ingest_table of the cluster file if a source is s3://"
        )
        yield skip(STEP, why)
    address = tracking_uri(site)
    if address and said["mlflow"]:
        yield fix(
            MLFLOW, f"{address}: {said['mlflow']}", "kubectl -n fairlead get pods,networkpolicies; mend tracking_uri"
        )
    elif address:
        yield ok(MLFLOW, address)


def _mend_launcher(site: Site, reason: str) -> str:
    namespace, words = site.settings.namespace, reason.lower()
    if "secret" in words and "not found" in words:
        return f"kubectl -n {namespace} get secrets; make the one that kfp-launcher names"
    if any(word in words for word in ("denied", "forbidden", "403", "signature", "invalidaccesskey")):
        named = f"kubectl -n {namespace} get configmap kfp-launcher -o yaml"
        return f"put keys that may read the pipeline root into the Secret that is named by: {named}"
    return (
        f"kubectl -n {namespace} edit configmap kfp-launcher: its providers say where the store of the pipeline root is"
    )


def _mend_pod(site: Site, node: Node) -> str:
    namespace = site.settings.namespace
    if "Image" in node.message:
        return "bring the image to the nodes: fairlead doctor --quick tells how"
    if "secret" in node.message.lower():
        return f"kubectl -n {namespace} get secrets; mend steps in the cluster file, or make the Secret that it names"
    return f"kubectl -n {namespace} describe pod {node.pod}"


def _remove(site: Site, api: KfpApi, run: str) -> None:
    """Ends the run, and removes it with its pods and their archived logs."""
    with suppress(FairleadError):  # who cannot be reached cannot be tidied up
        nodes = nodes_of(api, run)
        if not nodes.ended:
            api.post(f"{V2}/runs/{run}:terminate")
        deadline = time.monotonic() + END_S
        while not nodes.ended and time.monotonic() < deadline:
            time.sleep(POLL_S)
            nodes = nodes_of(api, run)
        api.delete(f"{V2}/runs/{run}")
        while _has_pods(site, run) and time.monotonic() < deadline:
            time.sleep(POLL_S)  # the last thing that they do is to store their logs
        if nodes.archive:
            remove(nodes.archive, site.store)


def _has_pods(site: Site, run: str) -> bool:
    if site.cluster is None:
        return False
    cluster = Cluster.connect(site.settings.namespace)  # of this thread
    return bool(pods_by(cluster, f"pipeline/runid={run}"))
