"""Kubeflow Pipelines: its API, its version beside the SDK's, and the experiment."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import PATIENCE_S, allowed
from fairlead.run.kfp_api import KfpApi
from fairlead.run.kfp_submit import find_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Site

API, VERSIONS, EXPERIMENT = "Kubeflow Pipelines API", "kfp SDK and backend", "experiment"
NUMBERS = re.compile(r"(\d+)\.(\d+)")


def check_pipelines(site: Site) -> Iterator[Finding]:
    """It answers, to this user, and its version goes with the SDK's."""
    api = KfpApi.connect(site.settings, patience=PATIENCE_S)
    site.pipelines = api
    kind = f"multi-user, namespace {api.namespace}" if api.namespace else "single-user"
    yield ok(API, f"{api.host}, {kind}")
    yield _versions(site, api)
    yield _experiment(site, api)


def _versions(site: Site, api: KfpApi) -> Finding:
    backend, sdk = _backend(site, api), version("kfp")
    theirs, ours = NUMBERS.search(backend), NUMBERS.search(sdk)
    if not theirs or not ours:
        return skip(VERSIONS, f"kfp {sdk}; the backend does not tell its own")
    said = f"kfp {sdk}, backend {backend}"
    if theirs[1] != ours[1]:
        return fix(VERSIONS, said, f"install Kubeflow Pipelines {ours[1]}.x, or a fairlead for {theirs[1]}.x")
    if int(theirs[2]) < int(ours[2]):
        return ok(VERSIONS, f"{said}; what that backend does not know yet, it refuses by name")
    return ok(VERSIONS, said)


def _backend(site: Site, api: KfpApi) -> str:
    """The backend's version, as it or its image tells."""
    told = str((api.find("/apis/v1beta1/healthz") or {}).get("tag_name", ""))
    if NUMBERS.search(told) or site.cluster is None:
        return told
    path = f"/apis/apps/v1/namespaces/{site.settings.namespace}/deployments/ml-pipeline"
    cluster = site.cluster
    found, _ = allowed(lambda: cluster.get(path))
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2] if found else told


def _experiment(site: Site, api: KfpApi) -> Finding:
    """This user may see experiments; one that is not there yet is made by the first run."""
    name = site.settings.experiment
    return ok(EXPERIMENT, name if find_experiment(api, name) else f"{name} is not there yet; the first run makes it")
