"""A push that cannot go well changes nothing: its reason is told, and the clients of what serves notice nothing."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from pushing import OLD

from fairlead.errors import ClusterError, FairleadError, ServeError
from fairlead.images import PREDICTOR

if TYPE_CHECKING:
    from pushing import Service

pytestmark = pytest.mark.cluster
NEW = 3.0
NOWHERE = "s3://no-such-bucket/model"


def refused(service: Service, *words: str, slope: float = NEW, how: dict[str, Any] | None = None, **given: Any) -> None:
    """A push fails, and each of these words is in what it says; so is that the old model serves on."""
    with pytest.raises(FairleadError) as caught:
        service.push(service.model(slope, **(how or {})), **given)
    for word in (*words, "serves on"):
        assert word in str(caught.value)


def account(service: Service, keys: dict[str, str]) -> str:
    """A service account whose Secret opens the object store with these keys."""
    name = service.cluster.name("account")
    endpoint = {
        "serving.kserve.io/s3-endpoint": "minio-service.kubeflow:9000",
        "serving.kserve.io/s3-usehttps": "0",
        "serving.kserve.io/s3-region": "us-east-1",
    }
    place = {"name": name, "namespace": service.api.namespace}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    service.cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {**place, "annotations": endpoint}, "data": data},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place, "secrets": [{"name": name}]},
    )
    return name


def test_wrong_credentials(unharmed: Service) -> None:
    wrong = account(unharmed, {"AWS_ACCESS_KEY_ID": "minio", "AWS_SECRET_ACCESS_KEY": "not-this-one"})
    refused(unharmed, "storage-initializer", "fairlead doctor", service_account=wrong)


def test_no_such_bucket(unharmed: Service) -> None:
    refused(unharmed, "storage-initializer", "no-such-bucket", uri=NOWHERE)


def test_no_such_service_account(unharmed: Service) -> None:
    refused(unharmed, 'serviceaccount "nobody" not found', service_account="nobody")


def test_runtime_is_missing(unharmed: Service) -> None:
    with pytest.raises(ClusterError, match="the runtime is not there"):
        unharmed.push(unharmed.model(NEW), runtime="nothing")


def test_runtime_of_another_format(unharmed: Service) -> None:
    runtime = another_runtime(unharmed, PREDICTOR, model_format="pmml")
    with pytest.raises(ClusterError, match="does not serve fairlead models"):
        unharmed.push(unharmed.model(NEW), runtime=runtime)


def test_image_cannot_be_pulled(unharmed: Service) -> None:
    runtime = another_runtime(unharmed, "fairlead/predictor:absent")
    refused(unharmed, "ImagePullBackOff", "fairlead/predictor:absent", runtime=runtime)


def test_model_answers_wrongly(unharmed: Service) -> None:
    refused(unharmed, "golden", "5 wrong rows", how={"golden": [1.0] * 5}, slope=4.0)


def test_another_model_lies_in_the_storage(unharmed: Service) -> None:
    """The bundle that was checked is not the one that the cluster reads."""
    other = unharmed.model(5.0)
    from fairlead.object_store import upload

    place = f"s3://models/tests/{unharmed.name}/misplaced"
    upload(other.path, place)
    refused(unharmed, "another model answers", other.fingerprint, uri=place)


def test_model_is_too_slow(unharmed: Service) -> None:
    refused(unharmed, "too slow for its SLO", "bound 0.001 ms", latency_slo_ms=0.001)


def test_model_does_not_come_up_in_time(unharmed: Service) -> None:
    refused(unharmed, "not up within 1 s", rollout_timeout=1.0)


def test_no_rights(unharmed: Service, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of the namespace without our Role."""
    name = unharmed.cluster.name("nobody")
    place = {"name": name, "namespace": unharmed.api.namespace}
    unharmed.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place})
    token = unharmed.cluster.kubectl("create", "token", name, "-n", unharmed.api.namespace)
    config = tmp_path / "kubeconfig"
    config.write_text(unharmed.cluster.kubectl("config", "view", "--raw", "--minify", "--flatten"))
    unharmed.cluster.kubectl(f"--kubeconfig={config}", "config", "set-credentials", name, f"--token={token}")
    unharmed.cluster.kubectl(f"--kubeconfig={config}", "config", "set-context", "--current", f"--user={name}")
    with monkeypatch.context() as patch:
        patch.setenv("KUBECONFIG", str(config))
        with pytest.raises(ClusterError, match="may not push") as caught:
            unharmed.push(unharmed.model(NEW))
    assert "update inferenceservices" in str(caught.value)
    assert "fairlead-pusher" in str(caught.value)


def test_first_push_that_fails_leaves_nothing(standing: Service) -> None:
    from pushing import Service as New

    new = New(standing.cluster, standing.api, standing.cluster.service(), standing.folder)
    with pytest.raises(ServeError):
        new.push(new.model(4.0, golden=[1.0] * 5))
    assert new.body is None
    assert new.leftovers() == []


def test_the_old_model_can_be_asked_for_again(unharmed: Service) -> None:
    before = unharmed.body
    assert unharmed.push(unharmed.model(OLD)).action == "unchanged"
    assert before is not None
    assert unharmed.body is not None
    assert unharmed.body.body["metadata"]["generation"] == before.body["metadata"]["generation"]


def another_runtime(service: Service, image: str, model_format: str = "fairlead") -> str:
    """Our runtime under another name, with another image or format."""
    kind = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/fairlead-predictor"
    found = service.api.get(kind)
    assert found
    name, spec = service.cluster.name("runtime"), found["spec"]
    spec["containers"][0]["image"] = image
    spec["supportedModelFormats"] = [{"name": model_format, "version": "1"}]
    body = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": {"name": name}, "spec": spec}
    service.cluster.apply(body)
    return name
