"""The Kubernetes API, the two namespaces, and whether the nodes have our images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fairlead.cluster.connect import Cluster
from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import MANIFESTS, PATIENCE_S, RUNTIME, allowed
from fairlead.images import TABULAR
from fairlead.relocate import relocated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Json, Site

HUB = ("docker.io/library/", "docker.io/")


def check_api(site: Site) -> Iterator[Finding]:
    """It answers, and both namespaces are there."""
    cluster = Cluster.connect(site.settings.models, patience=PATIENCE_S)
    version = cluster.get("/version") or {}
    site.cluster = cluster
    place = "from inside" if cluster.inside else "by KUBECONFIG"
    yield ok("Kubernetes API", f"{version.get('gitVersion', 'no version')}, {place}")
    for name, what in ((site.settings.namespace, "runs"), (site.settings.models, "models")):
        found, may = allowed(partial(cluster.get, f"/api/v1/namespaces/{name}"))
        if not may:
            yield skip(f"namespace of {what}", f"{name}: this user may not look")
        elif found:
            yield ok(f"namespace of {what}", name)
        else:
            by = f"kubectl create namespace {name}" if what == "runs" else MANIFESTS
            yield fix(f"namespace of {what}", f"there is no {name}", by)


def check_images(site: Site) -> Iterator[Finding]:
    """A node holds the images of steps and predictor, or can be expected to pull them."""
    wanted = {"image of steps": relocated(TABULAR, site.settings.registry)}
    runtime, _ = allowed(lambda: _runtime(site))
    if runtime:
        wanted["image of predictors"] = runtime["spec"]["containers"][0]["image"]
    nodes, may = allowed(lambda: site.api.items("/api/v1/nodes"))
    held = {_short(name) for node in nodes or [] for image in node["status"]["images"] for name in image["names"]}
    for what, image in wanted.items():
        if not may:
            yield skip(what, f"{image}: this user may not look at nodes")
        elif _short(image) in held:
            yield ok(what, f"{image} is on a node")
        elif _has_host(image):
            yield skip(what, f"{image} is on no node yet; the first pod pulls it")
        else:
            yield fix(
                what, f"no node holds {image}, and its name says no registry to pull it from", _bring(image, nodes)
            )


def _runtime(site: Site) -> Json | None:
    return site.api.get(f"/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/{RUNTIME}")


def _short(image: str) -> str:
    """Docker Hub's name is left out of names, or is not."""
    for prefix in HUB:
        image = image.removeprefix(prefix)
    return image


def _has_host(image: str) -> bool:
    host, slash, _ = image.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def _bring(image: str, nodes: list[Json]) -> str:
    """On kind an image is carried to the node; elsewhere a registry gives it."""
    provider = next((node["spec"].get("providerID", "") for node in nodes), "")
    target = image.rpartition("/")[2].partition(":")[0]
    if provider.startswith("kind://"):
        name = provider.split("/")[3]
        return f"make images TARGETS={target} && kind load docker-image {image} --name {name}"
    return (
        f"docker push it to your registry (docker tag {image} HOST/{image}) and set registry: HOST in the cluster file"
    )
