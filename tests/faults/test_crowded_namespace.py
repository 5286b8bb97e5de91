"""A namespace of its own whose quota or webhook gets in a push's way, at each of its two writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from pushing import OLD, Service
from traffic import Traffic, assert_only

from fairlead.cluster.connect import Cluster
from fairlead.errors import ClusterError, ServeError
from fairlead.push.kserve.roll_back import roll_back
from fairlead.push.kserve.service import CANDIDATE_OF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster_here import ClusterHere

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
NEW = 3.0
COPIED = ("secrets/fairlead-storage", "serviceaccounts/fairlead-predictor")


@pytest.fixture(scope="module")
def room(lent: ClusterHere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that serves the old model, alone in a namespace."""
    name = lent.name("room")
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    lent.api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": level}})
    lent.after.callback(lent.api.delete, f"/api/v1/namespaces/{name}")
    for item in COPIED:
        body = lent.api.get(f"/api/v1/namespaces/{lent.models}/{item}")
        assert body
        kept = {key: body["metadata"].get(key) for key in ("name", "annotations")}
        kept["annotations"] = {k: v for k, v in (kept["annotations"] or {}).items() if k.startswith("serving")}
        body["metadata"] = kept
        lent.api.create(f"/api/v1/namespaces/{name}/{item.split('/')[0]}", body)
    service = Service(lent, Cluster.connect(name), "flights", tmp_path_factory.mktemp("models"))
    with pytest.MonkeyPatch.context() as patch:
        for key, value in lent.keys.items():
            patch.setenv(key, value)
        service.push(service.model(OLD))
    return service


@pytest.fixture
def unharmed_room(room: Service) -> Iterator[Service]:
    """Its clients get the old model's answers and nothing else."""
    old = room.model(OLD).fingerprint
    with Traffic.on(room.cluster, room.name, namespace=room.api.namespace) as traffic:
        yield room
        assert_only(traffic.more(20), {(old, str(OLD))})
    assert room.serves == old
    assert room.leftovers() == []


def quota(room: Service, more: int) -> None:
    """So many more pods than there are now; those that go are waited for."""
    path = f"/api/v1/namespaces/{room.api.namespace}"
    pods = [pod for pod in room.api.items(f"{path}/pods") if "deletionTimestamp" not in pod["metadata"]]
    body = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": str(len(pods) + more)}}}
    room.cluster.after.callback(room.api.delete, f"{path}/resourcequotas/pods")
    room.api.create(f"{path}/resourcequotas", body)
    counted = f"--for=jsonpath={{.status.used.pods}}={len(pods)}"
    room.cluster.kubectl("-n", room.api.namespace, "wait", counted, "--timeout=90s", "resourcequota/pods")


@pytest.fixture
def no_quota(room: Service) -> Iterator[None]:
    yield
    room.api.delete(f"/api/v1/namespaces/{room.api.namespace}/resourcequotas/pods")


@pytest.mark.usefixtures("no_quota")
def test_no_room_for_the_candidate(unharmed_room: Service) -> None:
    quota(unharmed_room, 0)
    with pytest.raises(ServeError, match="cannot come up") as caught:
        unharmed_room.push(unharmed_room.model(NEW))
    assert "exceeded quota" in str(caught.value)
    assert "serves on" in str(caught.value)


@pytest.mark.usefixtures("no_quota")
def test_room_for_the_candidate_and_none_for_the_rollout(unharmed_room: Service) -> None:
    """It fails after the switch, so what served is put back."""
    before = unharmed_room.body
    quota(unharmed_room, 1)
    with pytest.raises(ServeError, match="cannot come up") as caught:
        unharmed_room.push(unharmed_room.model(NEW))
    assert "exceeded quota" in str(caught.value)
    assert unharmed_room.body is not None
    assert before is not None
    assert unharmed_room.body.revision == before.revision
    assert unharmed_room.body.body["metadata"]["generation"] == before.body["metadata"]["generation"] + 2


def webhook(room: Service, operation: str) -> None:
    """One for this namespace's services, and nobody behind it; updates are refused of the service alone."""
    candidates = {"key": CANDIDATE_OF, "operator": "DoesNotExist"}
    services = {"apiGroups": ["serving.kserve.io"], "apiVersions": ["*"], "resources": ["inferenceservices"]}
    hook = {
        "name": "nobody.fairlead.dev",
        "clientConfig": {"service": {"name": "nobody", "namespace": room.api.namespace, "path": "/"}},
        "rules": [{**services, "operations": [operation]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": room.api.namespace}},
        "objectSelector": {"matchExpressions": [candidates] if operation == "UPDATE" else []},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    kind: dict[str, Any] = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    room.cluster.apply({**kind, "metadata": {"name": room.api.namespace}, "webhooks": [hook]})


@pytest.fixture
def no_webhook(room: Service) -> Iterator[None]:
    yield
    kind = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    room.api.delete(f"{kind}/{room.api.namespace}")


@pytest.mark.usefixtures("no_webhook")
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_webhook_is_down(unharmed_room: Service, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """At the candidate, and at the switch."""
    monkeypatch.setattr(Cluster, "connect", impatient(Cluster.connect))
    webhook(unharmed_room, operation)
    with pytest.raises(ClusterError, match="the cluster refuses") as caught:
        unharmed_room.push(unharmed_room.model(NEW))
    assert "failed calling webhook" in str(caught.value)
    assert "kubectl -n kserve get pods" in str(caught.value)


def impatient(connect: Any) -> Any:
    return lambda namespace="", patience=5.0: connect(namespace, patience)


def test_nothing_served_before(room: Service) -> None:
    with pytest.raises(ServeError, match="nothing served before"):
        roll_back(room.name, room.api.namespace)


def test_no_such_service(room: Service) -> None:
    with pytest.raises(ServeError, match="there is no such service") as caught:
        roll_back("absent", room.api.namespace)
    assert "services: flights" in str(caught.value)


def test_no_cluster_is_there(room: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    assert "KUBECONFIG" in os.environ
    with pytest.raises(ClusterError, match="there is no way to a cluster"):
        room.push(room.model(NEW))
