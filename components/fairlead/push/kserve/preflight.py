"""Preflight: what would keep a push from its end is found before anything is changed.

Storage and runtime are proven by the candidate itself, which reads the same storage with the same initialiser and loads
the model in the runtime's own image.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError, ConfigError
from fairlead.push.kserve.service import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.cluster.connect import Cluster
    from fairlead.push.push_model import PushModelConfig

    Json = dict[str, Any]
    Rights = tuple[tuple[str, str, str], ...]

FORMAT = "fairlead"
INITIALIZER = "fairlead"
CONFIG, NAMESPACES = "inferenceservice-config", ("kserve", "kubeflow")
LONGEST_NAME = 36  # NAME-candidate-123456-predictor is a DNS label of at most 63
#: What a push asks of the cluster: group, resource, verbs. The Role in manifests/base grants these.
RIGHTS = (
    (GROUP, "inferenceservices", "get list create update delete"),
    (GROUP, "servingruntimes", "get"),
    ("coordination.k8s.io", "leases", "get create update delete"),
    ("apps", "deployments", "get"),
    ("", "pods", "list"),
    ("", "pods/log", "get"),
)
OUTSIDE = (("", "services/proxy", "get create"),)  # and the Role fairlead-outside this


@dataclass(frozen=True)
class Ground:
    """What a push finds in the cluster.

    Attributes:
        mode: KServe's word for its Standard mode.
        initializer: the storage container that keeps PodSecurity `restricted`; "" when it was not installed.
    """

    mode: str
    initializer: str = ""


def preflight(cluster: Cluster, config: PushModelConfig) -> Ground:
    """Looks for a name that fits, rights and runtime.

    Raises:
        ConfigError: the name is too long.
        ClusterError: something is missing; it says what brings it.
    """
    if len(config.service) > LONGEST_NAME:
        advice = "choose a shorter name"
        raise ConfigError(
            f"a service's name has at most {LONGEST_NAME} characters on KServe",
            where="service",
            got=config.service,
            do=advice,
        )
    missing = list(missing_rights(cluster.may, asked_of(cluster)))
    if missing:
        advice = "bind the Role fairlead-pusher to it (from outside fairlead-outside, too): manifests/README.md"
        raise ClusterError(
            "this account may not push",
            where=cluster.namespace,
            got=f"no right to {', '.join(missing)}",
            do=advice,
            status=403,
        )
    check_runtime(cluster, config.runtime)
    return Ground(standard_mode(cluster), initializer_of(cluster))


def asked_of(cluster: Cluster) -> Rights:
    """What a push from here asks for."""
    return RIGHTS + (() if cluster.inside else OUTSIDE)


def missing_rights(may: Callable[..., bool], rights: Rights) -> Iterator[str]:
    """Those of some rights that an account lacks, as `VERB RESOURCE`.

    Args:
        may: as `Cluster.may`.
        rights: group, resource, verbs.
    """
    for group, resource, verbs in rights:
        kind, _, sub = resource.partition("/")
        for verb in verbs.split():
            if not may(verb, kind, group, subresource=sub):
                yield f"{verb} {resource}"


def check_runtime(cluster: Cluster, runtime: str) -> Json:
    """The runtime that a push names, once it is known to serve our models.

    Raises:
        ClusterError: it is not there, or serves others.
    """
    api = f"/apis/{GROUP}/v1alpha1"
    own = f"{api}/namespaces/{cluster.namespace}/servingruntimes/{runtime}"
    found = cluster.get(own) or cluster.get(f"{api}/clusterservingruntimes/{runtime}")
    install = "install it: kubectl apply -k manifests/overlays/kubeflow (or kind)"
    if not found:
        got = "neither a ServingRuntime nor a ClusterServingRuntime"
        raise ClusterError("the runtime is not there", where=runtime, got=got, do=install)
    formats = [item.get("name") for item in found["spec"].get("supportedModelFormats", [])]
    if found["spec"].get("disabled") or FORMAT not in formats:
        got = "it is disabled" if found["spec"].get("disabled") else f"it serves {', '.join(map(str, formats))}"
        raise ClusterError(f"the runtime does not serve {FORMAT} models", where=runtime, got=got, do=install)
    return found


def initializer_of(cluster: Cluster) -> str:
    """The storage container of ours; "" when it was not installed."""
    try:
        return INITIALIZER if cluster.get(f"/apis/{GROUP}/v1alpha1/clusterstoragecontainers/{INITIALIZER}") else ""
    except ClusterError:
        return ""  # not ours to read


def standard_mode(cluster: Cluster) -> str:
    """Standard, or RawDeployment as KServe before 0.16 calls it; today's word when its configuration cannot be read."""
    try:
        deploy = json.loads((kserve_config(cluster) or {}).get("deploy", "{}"))
    except ClusterError:
        return "Standard"
    return "RawDeployment" if deploy.get("defaultDeploymentMode") in ("RawDeployment", "Serverless") else "Standard"


def kserve_config(cluster: Cluster) -> Json | None:
    """What KServe is told by its ConfigMap, wherever it was installed; None when there is none.

    Raises:
        ClusterError: there may be one, and this account may not read it.
    """
    refused = None
    for namespace in NAMESPACES:
        try:
            found = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{CONFIG}")
        except ClusterError as error:
            refused = refused or error
            continue
        if found:
            return dict(found["data"])
    if refused:
        raise refused
    return None
