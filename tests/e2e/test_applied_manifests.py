"""The manifests as a cluster takes them: rights, what PodSecurity lets in, MLflow, a predictor."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow.fs import FileSelector

from fairlead.artifacts.bundle import ModelBundle
from fairlead.object_store import upload
from fairlead.push.kserve.preflight import RIGHTS
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.register.registry import open_registry
from served_models import regression

if TYPE_CHECKING:
    from cluster_here import ClusterHere

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "manifests/overlays"
RUNNER = "system:serviceaccount:kubeflow:pipeline-runner"
SERVICE = "inferenceservices.serving.kserve.io"

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),  # MLflow's, imported
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),  # likewise
]


@pytest.mark.parametrize("overlay", ["kind", "kubeflow"])
def test_the_api_server_knows_every_field(cluster: ClusterHere, overlay: str) -> None:
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", str(OVERLAYS / overlay))


def test_what_is_applied_is_what_the_overlay_says(cluster: ClusterHere) -> None:
    cluster.kubectl("diff", "-k", str(OVERLAYS / "kind"))  # it fails where anything differs


MAY = [
    *(
        (verb, resource if not group else f"{resource}.{group}", "fairlead")
        for group, resource, verbs in RIGHTS
        for verb in verbs.split()
    ),
    ("get", "clusterservingruntimes.serving.kserve.io", ""),
    ("get", "clusterstoragecontainers.serving.kserve.io", ""),
    ("get", "configmaps/inferenceservice-config", "kserve"),
]
MAY_NOT = [
    *((verb, "secrets", name) for verb in ("get", "list") for name in ("fairlead", "kserve", "kube-system")),
    *((verb, "pods", "fairlead") for verb in ("create", "delete", "patch")),
    *((verb, "deployments.apps", "fairlead") for verb in ("create", "update", "delete")),
    *((verb, SERVICE, name) for verb in ("get", "create") for name in ("kubeflow", "default", "kserve")),
    ("create", "pods/exec", "fairlead"),
    ("get", "services/proxy", "fairlead"),
    ("create", "serviceaccounts/token", "fairlead"),
    ("create", "rolebindings.rbac.authorization.k8s.io", "fairlead"),
    ("delete", "services", "fairlead"),
    ("deletecollection", SERVICE, "fairlead"),
    ("update", "clusterservingruntimes.serving.kserve.io", ""),
    ("get", "configmaps", "kserve"),
    ("update", "configmaps/inferenceservice-config", "kserve"),
    ("get", "nodes", ""),
    ("list", "namespaces", ""),
]


def told(verb: str, resource: str, namespace: str) -> str:
    """What `kubectl auth can-i` says of the pipeline runner; `RESOURCE/SUBRESOURCE` or `RESOURCE/NAME`."""
    name, _, rest = resource.partition("/")
    below = [f"--subresource={rest}"] if rest in ("log", "proxy", "exec", "token") else []
    what = name if below or not rest else f"{name}/{rest}"
    words = ["auth", "can-i", verb, what, *below, f"--as={RUNNER}", *([f"-n={namespace}"] if namespace else [])]
    done = subprocess.run(["kubectl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.parametrize(("verb", "resource", "namespace"), MAY)
def test_the_pipeline_runner_may(verb: str, resource: str, namespace: str) -> None:
    assert told(verb, resource, namespace) == "yes"


@pytest.mark.parametrize(("verb", "resource", "namespace"), MAY_NOT)
def test_the_pipeline_runner_may_not(verb: str, resource: str, namespace: str) -> None:
    assert told(verb, resource, namespace) == "no"


def test_a_pod_that_does_not_keep_to_restricted_is_not_let_in(cluster: ClusterHere) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", "namespace": cluster.models},
        "spec": {"containers": [{"name": "main", "image": "plain:1"}]},
    }
    words = ["kubectl", "create", "--dry-run=server", "-f", "-"]
    done = subprocess.run(words, input=json.dumps(pod), capture_output=True, text=True, check=False)
    assert done.returncode
    assert 'violates PodSecurity "restricted' in done.stderr


def test_mlflow_keeps_a_model_in_its_database_and_in_the_object_store(cluster: ClusterHere, tmp_path: Path) -> None:
    bundle, name = regression(tmp_path / "model"), cluster.name("model")
    with cluster.forward("svc/mlflow", 5000) as address:
        uri = f"http://{address}"
        made = register_model(bundle.path, RegisterModelConfig(name=name, tracking_uri=uri, experiment=name))
        with open_registry(uri) as registry:
            version = registry.client.get_model_version(name, made.version)
            fetched = registry.fetch(version, "bundle", tmp_path / "fetched")
            place = registry.client.get_experiment_by_name(name)
            registry.client.delete_registered_model(name)
            registry.client.delete_experiment(place.experiment_id)
    assert ModelBundle.open(Path(fetched)).fingerprint == bundle.fingerprint
    below = FileSelector(f"mlflow/{place.experiment_id}", recursive=True)
    paths = [Path(found.path) for found in cluster.s3.get_file_info(below) if found.is_file]
    for path in paths:
        cluster.s3.delete_file(str(path))
    names = {path.name for path in paths}
    assert {"MLmodel", bundle.onnx.name} <= names


@pytest.mark.parametrize(
    ("host", "status"),
    [("mlflow.fairlead:5000", 200), ("mlflow.fairlead.svc.cluster.local:5000", 200), ("evil.example:5000", 403)],
)
def test_mlflow_answers_to_its_own_names_alone(cluster: ClusterHere, host: str, status: int) -> None:
    with cluster.forward("svc/mlflow", 5000) as address:
        body, headers = b'{"max_results": 1}', {"Host": host, "Content-Type": "application/json"}
        url = f"http://{address}/api/2.0/mlflow/experiments/search"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
                found = answer.status
        except urllib.error.HTTPError as error:
            found = error.code
    assert found == status


def test_a_step_reaches_mlflow_by_name(cluster: ClusterHere) -> None:
    uri = cluster.settings["parameters"]["tracking_uri"]
    code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1] + '/version', timeout=30).read().decode())"
    assert cluster.python(code, uri).startswith("3.17.")


def test_a_model_is_served_by_the_runtime_and_the_storage_account(cluster: ClusterHere, tmp_path: Path) -> None:
    """What KServe makes of an InferenceService that names our runtime, account and storage container, and no more."""
    bundle, name, uri = regression(tmp_path / "model"), cluster.service(), f"{cluster.folder()}/model"
    upload(bundle.path, uri, cluster.store)
    model = {"modelFormat": {"name": "fairlead", "version": "1"}, "storageUri": uri}  # the runtime is found by these
    predictor = {
        "model": model,
        "serviceAccountName": "fairlead-predictor",
        "storageContainerName": "fairlead",
        "automountServiceAccountToken": False,
    }
    cluster.apply(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "namespace": cluster.models,
                "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
            },
            "spec": {"predictor": predictor},
        }
    )
    cluster.kubectl("wait", "-n", cluster.models, f"isvc/{name}", "--for=condition=Ready", "--timeout=180s")
    with cluster.forward(f"svc/{name}-predictor", 80) as address:
        body = json.dumps({"instances": [{"distance": 3.0, "carrier": "UA"}]}).encode()
        asked = urllib.request.Request(f"http://{address}/v1/models/{name}:predict", body)
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own server
            assert json.load(answer) == {"predictions": [7.0]}
    pod = pod_of(cluster, name)
    box = pod["spec"]["containers"][0]
    assert box["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}, "KServe kept it"
    assert [volume for volume in pod["spec"]["volumes"] if "projected" in volume] == [], "no token of the API server"
    assert not any("minio" in json.dumps(each) for each in box.get("env", [])), "keys are the storage initializer's"


def pod_of(cluster: ClusterHere, service: str) -> dict[str, Any]:
    label = f"serving.kserve.io/inferenceservice={service}"
    (pod,) = cluster.api.items(f"/api/v1/namespaces/{cluster.models}/pods", labelSelector=label)
    return pod


def test_kind_up_into_a_cluster_that_has_all_of_it_changes_nothing(cluster: ClusterHere) -> None:
    def state() -> list[Any]:
        deployment = f"/apis/apps/v1/namespaces/{cluster.models}/deployments/mlflow"
        runtime = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/fairlead-predictor"
        argo = "/api/v1/namespaces/kubeflow/configmaps/workflow-controller-configmap"
        found = [cluster.api.get(path) for path in (deployment, runtime, argo)]
        return [(each or {})["metadata"].get("generation") or (each or {})["data"] for each in found]

    command = [str(ROOT / "scripts/kind_up"), "--existing"]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    before = state()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert state() == before
    assert "ready:" in done.stdout


def test_kind_up_names_a_cluster_that_is_not_there(cluster: ClusterHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_CLUSTER", cluster.name("cluster"))
    done = subprocess.run([str(ROOT / "scripts/kind_up"), "--existing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no such kind cluster" in done.stderr
