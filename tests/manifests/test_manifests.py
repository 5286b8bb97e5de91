"""The manifests as kustomize renders them; tests/e2e/test_manifests.py applies them."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendered import MANIFESTS, ROOT, Object, one, pod_specs, rendered, violations

from fairlead import __version__
from fairlead.images import MLFLOW, PREDICTOR
from fairlead.push.kserve.preflight import OUTSIDE, RIGHTS

OVERLAYS = ["overlays/kind", "overlays/kubeflow"]
EVERY = ["base", *OVERLAYS, "overlays/restricted"]
SECRET = re.compile(r"(password|secret_?access_?key|accesskey|secretkey)\s*[:=]\s*\S|://\w+:\w+@", re.IGNORECASE)
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.mark.parametrize("folder", EVERY)
def test_it_renders_and_no_object_stands_twice(folder: str) -> None:
    names = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in rendered(folder)]
    assert names
    assert len(set(names)) == len(names)


@each_overlay
def test_each_file_of_the_base_is_in_each_overlay(overlay: str) -> None:
    base = {(item["kind"], item["metadata"]["name"]) for item in rendered("base")}
    assert base <= {(item["kind"], item["metadata"]["name"]) for item in rendered(overlay)}


@each_overlay
def test_its_images_are_of_this_version(overlay: str) -> None:
    containers = [box for _, pod in pod_specs(rendered(overlay)) for box in boxes(pod)]
    assert {box["image"] for box in containers if "image" in box} == {PREDICTOR, MLFLOW}
    assert {box["imagePullPolicy"] for box in containers if "image" in box} == {"IfNotPresent"}


def boxes(pod: Object) -> list[Object]:
    found: list[Object] = pod.get("initContainers", []) + pod["containers"]
    return found


def test_no_file_names_latest() -> None:
    for path in MANIFESTS.rglob("*.yaml"):
        assert ":latest" not in path.read_text("utf-8"), path


def test_only_the_throw_away_cluster_has_credentials() -> None:
    for folder in ("base", "overlays/kubeflow", "overlays/restricted"):
        assert not [item for item in rendered(folder) if item["kind"] == "Secret"]
        for path in (MANIFESTS / folder).glob("*.yaml"):
            assert not SECRET.search(path.read_text("utf-8")), path
            assert "minio123" not in path.read_text("utf-8"), path


def test_the_storage_secret_says_where_the_store_is_as_kserve_reads_it() -> None:
    secret = one("overlays/kind", "Secret", "fairlead-storage")
    assert set(secret["data"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    notes = {key.partition("/")[2]: value for key, value in secret["metadata"]["annotations"].items()}
    assert notes == {"s3-endpoint": "minio-service.kubeflow:9000", "s3-usehttps": "0", "s3-region": "us-east-1"}
    account = one("overlays/kind", "ServiceAccount", "fairlead-predictor")
    assert account["secrets"] == [{"name": "fairlead-storage"}]
    assert account["automountServiceAccountToken"] is False


@each_overlay
def test_every_pod_keeps_to_restricted(overlay: str) -> None:
    found = {name: violations(pod) for name, pod in pod_specs(rendered(overlay))}
    assert found == {
        "ClusterServingRuntime fairlead-predictor": [],
        "ClusterStorageContainer fairlead": [],
        "Deployment mlflow": [],
    }
    labels = one(overlay, "Namespace", "fairlead")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("allowPrivilegeEscalation", None, "allowPrivilegeEscalation"),
        ("capabilities", {"drop": ["NET_RAW"]}, "capabilities"),
        ("runAsNonRoot", None, "runAsNonRoot"),
        ("seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        ("runAsUser", 0, "runAsUser"),
        ("privileged", True, "privileged"),
    ],
)
def test_what_restricted_refuses_is_found(field: str, value: Any, found: str) -> None:
    pod = copy.deepcopy(one("base", "ClusterServingRuntime", "fairlead-predictor")["spec"])
    pod["containers"][0]["securityContext"][field] = value
    assert violations(pod) == [f"kserve-container: {found}"]


@each_overlay
def test_our_containers_write_to_tmp_alone_and_have_bounds(overlay: str) -> None:
    for name, pod in pod_specs(rendered(overlay)):
        for box in boxes(pod):
            if "image" in box:  # the storage initializer is KServe's
                assert box["securityContext"]["readOnlyRootFilesystem"] is True, name
                assert [mount["mountPath"] for mount in box["volumeMounts"]] == ["/tmp"], name  # noqa: S108 - a pod's own
                assert set(box["resources"]) == {"requests", "limits"}, name
                assert {"cpu", "memory"} == set(box["resources"]["limits"]) == set(box["resources"]["requests"]), name


def test_a_predictor_ends_within_a_pods_default_grace() -> None:
    box = one("base", "ClusterServingRuntime", "fairlead-predictor")["spec"]["containers"][0]
    pause = box["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = int(box["args"][box["args"].index("--drain") + 1])
    assert pause >= 2, "endpoints take a moment to go"
    assert pause + drain < 30


def test_the_predictor_takes_the_runtimes_arguments() -> None:
    from fairlead.serve.__main__ import arguments

    box = one("base", "ClusterServingRuntime", "fairlead-predictor")["spec"]["containers"][0]
    options = arguments([*box["args"], "--name", "planes"])  # KServe appends an InferenceService's own
    assert (options.model, options.name, options.port) == (Path("/mnt/models"), "planes", 8080)
    assert box["command"] == ["python", "-m", "fairlead.serve"]
    asked = {box[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert asked == {"/v2/health/ready", "/v2/health/live"}


@each_overlay
def test_services_and_policies_select_what_is_there(overlay: str) -> None:
    objects = rendered(overlay)
    templates = [item["spec"]["template"] for item in objects if item["kind"] == "Deployment"]
    runtime = one(overlay, "ClusterServingRuntime", "fairlead-predictor")["spec"]
    predictor = {"metadata": {"labels": {"serving.kserve.io/inferenceservice": "planes"}}, "spec": runtime}
    pods = [*templates, predictor]
    for service in (item["spec"] for item in objects if item["kind"] == "Service"):
        (pod,) = selected(pods, {"matchLabels": service["selector"]})
        assert {port["targetPort"] for port in service["ports"]} <= ports(pod)
    policies = [item["spec"] for item in objects if item["kind"] == "NetworkPolicy"]
    assert {"podSelector": {}, "policyTypes": ["Ingress"]} in policies, "nobody connects unless a policy says so"
    for policy in policies:
        chosen = selected(pods, policy["podSelector"])
        assert chosen
        for rule in policy.get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= set.union(*(ports(pod) for pod in chosen))


def selected(pods: list[Object], selector: Object) -> list[Object]:
    """The pods that a label selector takes."""
    exists = [rule["key"] for rule in selector.get("matchExpressions", []) if rule["operator"] == "Exists"]
    equal = selector.get("matchLabels", {}).items()
    labels = [(pod, pod["metadata"]["labels"]) for pod in pods]
    return [pod for pod, own in labels if equal <= own.items() and set(exists) <= set(own)]


def ports(pod: Object) -> set[Any]:
    """By number and by name."""
    return {value for box in pod["spec"]["containers"] for port in box["ports"] for value in port.values()}


@each_overlay
def test_predictors_reach_names_and_the_object_store_alone(overlay: str) -> None:
    names, store = one(overlay, "NetworkPolicy", "predictors-egress")["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert store["to"], "no address means all"
    assert {port["port"] for port in store["ports"]} == {9000}


@each_overlay
def test_the_pusher_may_do_what_a_push_asks_for_and_nothing_else(overlay: str) -> None:
    roles = {
        item["metadata"]["name"]: item["rules"]
        for item in rendered(overlay)
        if item["kind"] == "Role" and item["metadata"]["namespace"] == "fairlead"
    }
    for name, rights in (("fairlead-pusher", RIGHTS), ("fairlead-outside", OUTSIDE)):
        granted = {(*rule["apiGroups"], *rule["resources"], *rule["verbs"]) for rule in roles[name]}
        assert granted == {(group, resource, *verbs.split()) for group, resource, verbs in rights}


@each_overlay
def test_the_pusher_has_no_right_too_many(overlay: str) -> None:
    rules = [rule for item in rendered(overlay) if item["kind"] in ("Role", "ClusterRole") for rule in item["rules"]]
    assert not [rule for rule in rules if "*" in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]]
    assert not [rule for rule in rules if "secrets" in rule["resources"]]
    changing = {"create", "update", "patch", "delete", "deletecollection"}
    changed = {name for rule in rules if changing & set(rule["verbs"]) for name in rule["resources"]}
    assert changed == {"inferenceservices", "leases", "services/proxy"}
    wide = [rule for item in rendered(overlay) if item["kind"] == "ClusterRole" for rule in item["rules"]]
    assert all(rule["verbs"] == ["get"] for rule in wide)


@each_overlay
def test_each_binding_leads_to_a_role_and_to_the_pipeline_runner(overlay: str) -> None:
    objects = rendered(overlay)
    roles = {(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")) for item in objects}
    bindings = [item for item in objects if item["kind"].endswith("Binding")]
    assert len(bindings) == 3
    for item in bindings:
        reference, space = item["roleRef"], item["metadata"].get("namespace")
        assert (reference["kind"], reference["name"], space) in roles
        assert item["subjects"] == [{"kind": "ServiceAccount", "name": "pipeline-runner", "namespace": "kubeflow"}]


def test_the_registry_is_changed_in_one_place(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    file = tmp_path / "manifests/overlays/kubeflow/kustomization.yaml"
    file.write_text(file.read_text("utf-8").replace("newName: ", "newName: registry.example/"))
    images = {box["image"] for _, pod in pod_specs(rendered(str(file.parent))) for box in boxes(pod) if "image" in box}
    assert images == {f"registry.example/{PREDICTOR}", f"registry.example/{MLFLOW}"}


def test_runs_under_restricted_are_told_to_argo_in_words_it_reads() -> None:
    settings = one("overlays/restricted", "ConfigMap", "workflow-controller-configmap")["data"]
    around = yaml.safe_load(settings["workflowDefaults"])["spec"]
    for key in ("executor", "mainContainer"):
        box = {"name": "main", **yaml.safe_load(settings[key])}
        assert violations({"securityContext": around["securityContext"], "containers": [box]}) == []
    patch = around["podSpecPatch"]
    assert (patch[:3], patch[-2:]) == ("{{=", "}}")
    assert "}}" not in patch[:-2], "two closing braces end Argo's expression"
    cases = re.findall(r"'([^']*)'", patch)
    (launcher,) = yaml.safe_load(cases[0])["initContainers"]
    assert launcher.pop("name") == "kfp-launcher"
    assert violations({"containers": [{"name": "kfp-launcher", **launcher}]}) == []
    assert yaml.safe_load(cases[1]) == {"initContainers": []}


def test_kind_maps_the_ports_that_the_cluster_file_names() -> None:
    file = yaml.safe_load((MANIFESTS / "kind.cluster.yaml").read_text("utf-8"))
    kind = yaml.safe_load((MANIFESTS / "kind/cluster.yaml").read_text("utf-8"))
    services = yaml.safe_load_all((MANIFESTS / "kind/ports.yaml").read_text("utf-8"))
    nodes = {service["spec"]["ports"][0]["nodePort"]: service["spec"]["ports"][0]["port"] for service in services}
    mapped = {each["hostPort"]: each["containerPort"] for each in kind["nodes"][0]["extraPortMappings"]}
    assert {host: nodes[node] for host, node in mapped.items()} == {8888: 8888, 9000: 9000}
    assert {file["host"], file["storage"]["endpoint"]} == {f"http://127.0.0.1:{port}" for port in mapped}


def test_each_file_is_used() -> None:
    told = "".join(path.read_text("utf-8") for path in MANIFESTS.rglob("kustomization.yaml"))
    told += (ROOT / "scripts/kind_up").read_text("utf-8") + (MANIFESTS / "README.md").read_text("utf-8")
    unused = [path for path in MANIFESTS.rglob("*.yaml") if path.name != "kustomization.yaml" and path.name not in told]
    assert unused == []


def test_the_versions_agree() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(
        "utf-8"
    )  # scripts/kind_up reads it there
