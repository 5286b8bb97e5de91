"""The cluster file: what it may say, and what a user is told about what it says wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.errors import ClusterError, ConfigError
from fairlead.object_store import Store
from fairlead.run.cluster_file import ClusterFile, StepSettings, Storage, read_cluster_file
from fairlead.run.cluster_store import open_store

KIND = Path(__file__).parents[2] / "manifests" / "kind.cluster.yaml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    return path


def test_the_file_for_kind_is_one() -> None:
    cluster = read_cluster_file(KIND)
    assert cluster.host == "http://127.0.0.1:8888"
    assert cluster.namespace == "kubeflow"
    assert cluster.step("anything").ttl_seconds == 3600


def test_an_empty_file_says_what_a_pod_finds(tmp_path: Path) -> None:
    assert read_cluster_file(written(tmp_path, "")) == ClusterFile()
    assert ClusterFile().host == "http://ml-pipeline.kubeflow:8888"


def test_a_step_s_own_settings_stand_over_those_for_all(tmp_path: Path) -> None:
    text = """
        steps:
          all: {cpu: 1, memory: 1Gi, env: {A: 1, B: two}, tolerations: [{key: x}], secrets: {s: {k: K}}}
          train-lightgbm: {memory: 4Gi, env: {B: 3}, tolerations: [{key: y, operator: Exists}], retries: 2}
    """
    cluster = read_cluster_file(written(tmp_path, text))
    found = cluster.step("train_lightgbm")
    assert (found.cpu, found.memory, found.retries, found.env) == ("1", "4Gi", 2, {"A": "1", "B": "3"})
    assert [item.key for item in found.tolerations] == ["x", "y"]
    assert found.secrets == {"s": {"k": "K"}}
    assert cluster.step("other") == cluster.steps["all"]
    assert ClusterFile().step("other") == StepSettings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts: x", ["a key that is not known", "hosts", "host, namespace"]),
        ("storage: {bucket: x}", ["a key that is not known", "storage.bucket", "endpoint, region"]),
        ("steps: {train: {cpus: 1}}", ["a key that is not known", "steps.train.cpus", "cpu, memory"]),
        ("steps: {train: {tolerations: [{keys: x}]}}", ["steps.train.tolerations.0.keys", "key, operator"]),
        ("host: 127.0.0.1:8888", ["starts with http://", "host: '127.0.0.1:8888'"]),
        ("steps: {train: {cpu: lots}}", ["steps.train.cpu: 'lots'"]),
        ("steps: {train: {memory: 2 GB}}", ["steps.train.memory: '2 GB'"]),
        ("steps: {train: {retries: -1}}", ["steps.train.retries: -1"]),
        ("steps: {train: {ttl_seconds: 0}}", ["steps.train.ttl_seconds: 0"]),
        ("steps: {train: {image_pull_policy: Sometimes}}", ["steps.train.image_pull_policy"]),
        ("steps: {train-it: {}, train_it: {}}", ["steps names train_it twice"]),
        ("storage: {inputs: /a/folder}", ["s3://BUCKET/FOLDER", "storage.inputs"]),
        ("storage: {secret: minio}", ["storage.secret: 'minio'"]),
        ("[1, 2]", ["cluster file is wrong"]),
        ("host: [", ["cannot be read"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_cluster_file(path)
    assert caught.value.where == str(path)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "token"])
def test_a_secret_s_value_has_no_place_here_and_is_not_repeated(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"steps: {{all: {{env: {{{name}: hunter2}}}}}}")
    with pytest.raises(ConfigError, match=f"the value of {name} would stand in the pipeline") as caught:
        read_cluster_file(path)
    assert "hunter2" not in str(caught.value)
    assert "steps.all.env" in caught.value.got


def test_a_missing_file_and_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such cluster file"):
        read_cluster_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="nothing says where the cluster is") as caught:
        read_cluster_file(None)
    assert "--cluster FILE" in caught.value.do


def test_the_token_is_read_when_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert ClusterFile(token_file=str(tmp_path / "token")).token() == "abc"
    assert ClusterFile().token() == ""
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    assert ClusterFile().token() == "abc"
    with pytest.raises(ConfigError, match="the token's file cannot be read") as caught:
        ClusterFile(token_file=str(tmp_path / "none")).token()
    assert caught.value.where == str(tmp_path / "none")


def test_the_environment_s_keys_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    storage = Storage(endpoint="http://here:9000", region="mars-1")
    assert open_store(storage) == Store("http://here:9000", "mars-1", "a", "b")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://there:9000")
    assert open_store(storage).endpoint == "http://there:9000"


def test_no_way_to_the_keys_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ClusterError, match="there are no keys for the object store") as caught:
        open_store(Storage(secret="space/name"))  # noqa: S106 - its name
    assert caught.value.where == "space/name"
    assert "AWS_ACCESS_KEY_ID" in caught.value.do
    assert open_store(Storage(secret="")).access_key == ""
