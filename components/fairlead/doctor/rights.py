"""What the account of a run's steps may do in the namespace of the models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import MANIFESTS, RUNTIME, allowed
from fairlead.push.kserve.preflight import RIGHTS, missing_rights
from fairlead.push.kserve.service import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Site

WHAT, ACCOUNT = "rights of a run's steps", "account of a run's steps"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RUNTIMES = (GROUP, "clusterservingruntimes", "get")
DEFAULT_ACCOUNT = "pipeline-runner"  # Kubeflow Pipelines' own choice, single-user


def check_rights(site: Site) -> Iterator[Finding]:
    """The account is there, and may do what a push does."""
    cluster, namespace = site.api, site.settings.namespace
    account = site.settings.service_account or DEFAULT_ACCOUNT
    user = f"system:serviceaccount:{namespace}:{account}"
    found, may_look = allowed(lambda: cluster.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"))
    if may_look and not found:
        by = "name one that is there as service_account in the cluster file: kubectl -n {} get serviceaccounts"
        yield fix(ACCOUNT, f"there is no {account} in {namespace}", by.format(namespace))
        return
    may_it = partial(_may, site, user)
    lacking, may = allowed(lambda: list(missing_rights(may_it, (*RIGHTS, RUNTIMES))))
    if not may and not cluster.inside:
        models = site.settings.models
        yield skip(WHAT, f"this user may not ask; kubectl auth can-i --list -n {models} --as={user} tells who may")
        return
    lacking = list(missing_rights(cluster.may, RIGHTS)) if lacking is None else lacking  # in a pod: our own
    if lacking:
        yield fix(WHAT, f"{account} may not {', '.join(lacking)} in {site.settings.models}", _grant(site, account))
    else:
        yield ok(WHAT, f"{namespace}/{account} may push to {site.settings.models}")


def _may(site: Site, user: str, verb: str, resource: str, group: str, subresource: str) -> bool:
    """As `Cluster.may`, for an account."""
    asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    place = {"name": RUNTIME} if resource == RUNTIMES[1] else {"namespace": site.settings.models}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{site.settings.namespace}", "system:authenticated"]
    spec = {"user": user, "groups": groups, "resourceAttributes": {**asked, **place}}
    return bool(site.api.create(REVIEWS, {"spec": spec})["status"].get("allowed"))


def _grant(site: Site, account: str) -> str:
    namespace, models = site.settings.namespace, site.settings.models
    if (namespace, account, models) == ("kubeflow", DEFAULT_ACCOUNT, "fairlead"):
        return MANIFESTS
    bind = f"--serviceaccount={namespace}:{account}"
    role = f"sed '/^---/,$d; s/namespace: fairlead$/namespace: {models}/' manifests/base/pusher.yaml"
    return (
        f"{role} | kubectl apply -f - && "
        f"kubectl -n {models} create rolebinding fairlead-pusher --role=fairlead-pusher {bind} && "
        f"kubectl create clusterrolebinding fairlead-pusher-{models} --clusterrole=fairlead-pusher {bind}"
    )
