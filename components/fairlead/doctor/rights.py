"""What the account of a run's steps may do in the namespace of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import RUNTIME, allowed
from fairlead.push.kserve.preflight import RIGHTS, missing_rights
from fairlead.push.kserve.service import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.cluster.connect import Cluster
    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Json, Site

WHAT, ACCOUNT = "rights of a run's steps", "account of a run's steps"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
DEFAULT_ACCOUNT = "pipeline-runner"  # Kubeflow Pipelines' own choice, single-user


def check_rights(site: Site) -> Iterator[Finding]:
    """The account is there, and may do what a push does."""
    assert site.cluster is not None  # noqa: S101 - for mypy: the check needs it
    cluster, namespace = site.cluster, site.settings.namespace
    account = site.settings.service_account or DEFAULT_ACCOUNT
    user = f"system:serviceaccount:{namespace}:{account}"
    found, may_look = allowed(lambda: cluster.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"))
    if may_look and not found:
        by = "name one that is there as service_account in the cluster file: kubectl -n {} get serviceaccounts"
        yield fix(ACCOUNT, f"there is no {account} in {namespace}", by.format(namespace))
        return
    lacking, may = allowed(lambda: list(_lacking(cluster, site.settings.models, namespace, account)))
    if not may and not cluster.inside:
        models = site.settings.models
        yield skip(WHAT, f"this user may not ask; kubectl auth can-i --list -n {models} --as={user} tells who may")
        return
    lacking = list(missing_rights(cluster)) if lacking is None else lacking  # in a pod: our own
    if lacking:
        yield fix(WHAT, f"{account} may not {', '.join(lacking)} in {site.settings.models}", _grant(site, account))
    else:
        yield ok(WHAT, f"{namespace}/{account} may push to {site.settings.models}")


def _lacking(cluster: Cluster, models: str, namespace: str, account: str) -> Iterator[str]:
    """The rights of a push that the account lacks, as `VERB RESOURCE`."""
    runtime = (GROUP, "clusterservingruntimes", "get")
    for group, resource, verbs in (*RIGHTS, runtime):
        kind, _, sub = resource.partition("/")
        for verb in verbs.split():
            asked = {"verb": verb, "group": group, "resource": kind, "subresource": sub, "namespace": models}
            if kind == runtime[1]:
                asked |= {"namespace": "", "name": RUNTIME}
            if not _may(cluster, namespace, account, asked):
                yield f"{verb} {resource}"


def _may(cluster: Cluster, namespace: str, account: str, asked: Json) -> bool:
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    user = f"system:serviceaccount:{namespace}:{account}"
    review = cluster.create(REVIEWS, {"spec": {"user": user, "groups": groups, "resourceAttributes": asked}})
    return bool(review["status"].get("allowed"))


def _grant(site: Site, account: str) -> str:
    namespace, models = site.settings.namespace, site.settings.models
    if (namespace, account, models) == ("kubeflow", DEFAULT_ACCOUNT, "fairlead"):
        return "kubectl apply -k manifests/base"
    bind = f"--serviceaccount={namespace}:{account}"
    role = f"sed '/^---/,$d; s/namespace: fairlead$/namespace: {models}/' manifests/base/pusher.yaml"
    return (
        f"{role} | kubectl apply -f - && "
        f"kubectl -n {models} create rolebinding fairlead-pusher --role=fairlead-pusher {bind} && "
        f"kubectl create clusterrolebinding fairlead-pusher-{models} --clusterrole=fairlead-pusher {bind}"
    )
