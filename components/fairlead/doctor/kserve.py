"""KServe: its API, its controller and webhook, and the runtime that serves our models."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING

from fairlead.cluster.connect import FORBIDDEN, NOT_FOUND
from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import MANIFESTS, RUNTIME, allowed
from fairlead.errors import ClusterError
from fairlead.push.kserve.preflight import CONFIG, check_runtime, initializer_of, kserve_config, standard_mode
from fairlead.push.kserve.service import VERSION, Revision, new_service, services_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.cluster.connect import Cluster
    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Json, Site

OLDEST = (0, 15)
RELEASES = "https://github.com/kserve/kserve/releases/download/v0.20.0/kserve.yaml"
CONTROLLER = "control-plane=kserve-controller-manager"
NUMBERS = re.compile(r"v?(\d+)\.(\d+)[\w.-]*$")


def check_kserve(site: Site) -> Iterator[Finding]:
    """It is installed, its controller runs and its webhook lets a service of ours in."""
    cluster = site.api
    if not cluster.get(f"/apis/{VERSION}"):
        by = f"scripts/kind_up installs it on kind; elsewhere: kubectl apply --server-side -f {RELEASES}"
        yield fix("KServe", "its InferenceService is not known here", by)
        return
    site.kserve = True
    yield _controller(cluster)
    yield _mode(cluster)
    yield _webhook(site, cluster)


def check_the_runtime(site: Site) -> Iterator[Finding]:
    """The runtime is there and serves our models; so is our storage container, where one is needed."""
    cluster = site.api
    runtime = check_runtime(cluster, RUNTIME)
    yield ok("runtime", f"{runtime['kind']} {RUNTIME}, {runtime['spec']['containers'][0]['image']}")
    if initializer_of(cluster):
        yield ok("storage container", "fairlead, which PodSecurity `restricted` admits")
    else:
        yield skip("storage container", f"KServe's own; where PodSecurity is `restricted`: {MANIFESTS}")


def _controller(cluster: Cluster) -> Finding:
    what = "KServe controller"
    found, may = allowed(lambda: cluster.items("/apis/apps/v1/deployments", labelSelector=CONTROLLER))
    if not may:
        return skip(what, "this user may not look at Deployments of all namespaces")
    if not found:
        return fix(what, f"no Deployment labelled {CONTROLLER}", f"kubectl apply --server-side -f {RELEASES}")
    place = found[0]["metadata"]
    images = [container["image"] for container in found[0]["spec"]["template"]["spec"]["containers"]]
    number = next((match for image in images if "kserve" in image and (match := NUMBERS.search(image))), None)
    said = number[0].removeprefix("v") if number else ", ".join(images)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        return fix(
            what, f"{said} is older than {'.'.join(map(str, OLDEST))}", f"kubectl apply --server-side -f {RELEASES}"
        )
    if not found[0].get("status", {}).get("availableReplicas"):
        by = f"kubectl -n {place['namespace']} describe deployment {place['name']}"
        return fix(what, f"{said}: no pod of it is available", by)
    return ok(what, f"{said} in {place['namespace']}")


def _mode(cluster: Cluster) -> Finding:
    what = "deployment mode"
    data, may = allowed(lambda: kserve_config(cluster))
    if not may:
        return skip(what, f"this user may not read {CONFIG}; a push asks for Standard itself")
    if data is None:
        return fix(what, f"there is no {CONFIG} in kserve or kubeflow", f"kubectl apply --server-side -f {RELEASES}")
    return _told_mode(what, data, cluster)


def _told_mode(what: str, data: Json, cluster: Cluster) -> Finding:
    try:
        default = json.loads(data.get("deploy") or "{}").get("defaultDeploymentMode", "Knative")
        gateway = json.loads(data.get("ingress") or "{}").get("enableGatewayApi", False)
    except ValueError as error:
        return fix(what, f"{CONFIG} cannot be read: {error}", f"kubectl -n kserve edit configmap {CONFIG}")
    routes = "KServe may route by weights" if gateway else "a push switches at once, KServe routes no weights here"
    return ok(what, f"by default {default}; a push asks for {standard_mode(cluster)}; {routes}")


def _webhook(site: Site, cluster: Cluster) -> Finding:
    """A service is created without being kept: API server and webhooks say whether they would."""
    what, name = "KServe webhook", f"fairlead-doctor-{secrets.token_hex(4)}"
    model = {"modelFormat": {"name": "fairlead", "version": "1"}, "runtime": RUNTIME, "storageUri": "s3://none/none"}
    service = new_service(name, site.settings.models, standard_mode(cluster)).serving(Revision({"model": model}, {}))
    try:
        cluster.create(services_path(site.settings.models), service.body, dryRun="All")
    except ClusterError as error:
        return fix(what, error.got, _mend_webhook(site, error))
    return ok(what, "lets an InferenceService in")


def _mend_webhook(site: Site, error: ClusterError) -> str:
    if error.status == NOT_FOUND:  # the namespace
        return f"kubectl create namespace {site.settings.models}, or name another as models in the cluster file"
    if error.status == FORBIDDEN and "webhook" not in error.got:
        return "ask for the right to create inferenceservices here, or let pipeline-runner push from within a run"
    return "kubectl -n kserve get pods,endpoints; kubectl -n kserve logs deployment/kserve-controller-manager"
