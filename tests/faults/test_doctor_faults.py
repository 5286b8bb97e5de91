"""The doctor before an API server that lacks things, refuses, or fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from api_proxy import ApiProxy

from doctor_says import doctor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster_here import ClusterHere

pytestmark = pytest.mark.cluster


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ApiProxy]:
    with ApiProxy.before_the_cluster(tmp_path) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("path", "status", "what", "state", "detail"),
    [
        ("GET /apis/serving.kserve.io/v1beta1", 404, "KServe", "FIX", "is not known here"),
        ("servingruntimes/fairlead-predictor", 404, "runtime", "FIX", "the runtime is not there"),
        ("clusterstoragecontainers/fairlead", 404, "storage container", "skip", "KServe's own"),
        ("configmaps/inferenceservice-config", 404, "deployment mode", "FIX", "there is no inferenceservice-config"),
        ("POST /apis/serving.kserve.io", 500, "KServe webhook", "FIX", "refused by the test with 500"),
        ("POST /apis/authorization.k8s.io", 403, "rights of a run's steps", "skip", "this user may not ask"),
        ("GET /api/v1/nodes", 403, "image of steps", "skip", "this user may not look at nodes"),
        ("secrets/fairlead-storage", 404, "keys of predictors", "FIX", "there is no Secret fairlead-storage"),
        ("secrets/fairlead-storage", 403, "keys of predictors", "skip", "this user may not read"),
        ("serviceaccounts/pipeline-runner", 404, "account of a run's steps", "FIX", "there is no pipeline-runner"),
        ("endpointslices", 403, "MLflow", "skip", "this user may not look"),
        ("GET /version", 401, "Kubernetes API", "FIX", "401"),
    ],
)
def test_one_thing_is_wrong(
    lent: ClusterHere, proxy: ApiProxy, path: str, status: int, what: str, state: str, detail: str
) -> None:
    proxy.refuse = lambda request: status if path in request else 0
    said = doctor("--quick", "--cluster", str(lent.file), KUBECONFIG=str(proxy.kubeconfig), **lent.keys)
    found = said.line(what)
    assert (found[0], detail in found[1]) == (state, True), found
    assert said.code == (8 if state == "FIX" else 0)


def test_an_api_server_that_fails_for_a_while_is_asked_again(lent: ClusterHere, proxy: ApiProxy) -> None:
    times: list[int] = []

    def once(request: str) -> int:
        if request != "GET /version" or times:
            return 0
        times.append(1)
        return 503

    proxy.refuse = once
    said = doctor("--quick", "--cluster", str(lent.file), KUBECONFIG=str(proxy.kubeconfig), **lent.keys)
    assert (said.code, said.line("Kubernetes API")[0], times) == (0, "ok", [1])
