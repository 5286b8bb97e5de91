"""A cluster's settings in compiled IR: the same as what kfp's own functions compile to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.errors import ConfigError
from fairlead.run.cluster_file import ClusterFile, StepSettings
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.kfp_settings import apply_settings, limit_caching
from fairlead.run.kfp_submit import ir_text, read_documents

if TYPE_CHECKING:
    from pathlib import Path

    Documents = tuple[dict[str, Any], dict[str, Any]]

SETTINGS: dict[str, Any] = {
    "cpu": "500m",
    "cpu_request": "0.25",
    "memory": "2Gi",
    "memory_request": "1G",
    "gpu": 2,
    "gpu_type": "example.com/gpu",
    "retries": 3,
    "backoff_seconds": 7,
    "env": {"NAME": "value"},
    "secrets": {"vault": {"user": "USER", "key": "KEY"}},
    "image_pull_secrets": ["registry"],
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 5}],
    "node_selector": {"disk": "fast"},
    "labels": {"team": "blue"},
    "annotations": {"note": "it"},
    "ttl_seconds": 60,
    "image_pull_policy": "IfNotPresent",
    "run_as_non_root": True,
}


@pytest.fixture
def documents(tmp_path: Path) -> Any:
    """Compiles a sample."""

    def compiled(name: str) -> Documents:
        load_compiler()
        import kfp_samples

        path = tmp_path / f"{name}.yaml"
        load_compiler()().compile(getattr(kfp_samples, name), str(path))
        return read_documents(path)

    return compiled


def cluster(**steps: dict[str, Any]) -> ClusterFile:
    return ClusterFile(steps={name: StepSettings(**settings) for name, settings in steps.items()})


def without_optional(value: Any) -> Any:
    """What a plain 2.14 backend reads."""
    if isinstance(value, dict):
        return {key: without_optional(item) for key, item in value.items() if key != "optional"}
    return [without_optional(item) for item in value] if isinstance(value, list) else value


def tasks(component: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = component["dag"]["tasks"]
    return found


def test_each_field_is_kfp_s_own(documents: Any) -> None:
    spec, platform = documents("bare")
    apply_settings(spec, platform, cluster(work=SETTINGS, **{"shell-step": SETTINGS}))
    by_kfp, platform_by_kfp = documents("by_kfp")
    assert spec["deploymentSpec"] == by_kfp["deploymentSpec"]
    assert tasks(spec["root"])["work"] == tasks(by_kfp["root"])["work"]
    assert spec == by_kfp
    assert platform == without_optional(platform_by_kfp)
    assert without_optional(platform_by_kfp) != platform_by_kfp


def test_the_pipeline_s_own_settings_stay_beside(documents: Any) -> None:
    spec, platform = documents("by_kfp")
    more = {
        "memory": "8Gi",
        "labels": {"run": "mine"},
        "secrets": {"second": {"k": "K"}},
        "env": {"NAME": "new", "B": 1},
    }
    apply_settings(spec, platform, cluster(work=more))
    container = spec["deploymentSpec"]["executors"]["exec-work"]["container"]
    assert container["resources"]["resourceMemoryLimit"] == "8Gi"
    assert container["resources"]["resourceCpuLimit"] == "500m"
    assert container["env"] == [{"name": "NAME", "value": "new"}, {"name": "B", "value": "1"}]
    config = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-work"]
    assert config["podMetadata"]["labels"] == {"team": "blue", "run": "mine"}
    assert [item["secretName"] for item in config["secretAsEnv"]] == ["vault", "second"]
    assert "optional" not in config["secretAsEnv"][0]
    assert config["activeDeadlineSeconds"] == "60"


def test_without_settings_nothing_changes_and_there_is_no_second_document(documents: Any) -> None:
    spec, platform = documents("bare")
    before = yaml.safe_dump(spec)
    apply_settings(spec, platform, ClusterFile())
    assert yaml.safe_dump(spec) == before
    assert platform == {}
    assert len(list(yaml.safe_load_all(ir_text(spec, platform)))) == 1


def test_the_same_pipeline_is_the_same_text(documents: Any) -> None:
    texts = set()
    for _ in range(2):
        spec, platform = documents("bare")
        apply_settings(spec, platform, cluster(all=SETTINGS))
        texts.add(ir_text(spec, platform))
    assert len(texts) == 1
    moved = ir_text(spec, platform, "registry.corp:5000/ml")
    assert "image: registry.corp:5000/ml/fairlead/python-tabular" in moved
    assert "image: fairlead" not in moved


@pytest.mark.parametrize(("name", "hint"), [("works", "'work'"), ("train_lightbgm", "'train_lightgbm'"), ("zzz", "")])
def test_a_step_that_is_nowhere_is_told(documents: Any, name: str, hint: str) -> None:
    spec, platform = documents("bare")
    with pytest.raises(ConfigError, match="names a step that is not there") as caught:
        apply_settings(spec, platform, cluster(**{name: {"cpu": "1"}}))
    assert "the pipeline's are other, shell_step, work" in caught.value.got
    assert hint in caught.value.do


def test_a_step_of_ours_may_be_named_where_it_is_not_used(documents: Any) -> None:
    spec, platform = documents("bare")
    apply_settings(spec, platform, cluster(train_lightgbm={"cpu": "1"}))
    assert platform == {}


def cached(spec: dict[str, Any]) -> set[str]:
    """The steps that KFP may take from its cache, below the group that they are in."""
    groups = {"": spec["root"], **{f"{name.removeprefix('comp-')}.": item for name, item in spec["components"].items()}}
    return {
        f"{group}{name}"
        for group, component in groups.items()
        if "dag" in component
        for name, task in tasks(component).items()
        if task.get("cachingOptions", {}).get("enableCache")
    }


def test_a_step_that_reaches_out_is_never_cached(documents: Any) -> None:
    spec, _ = documents("reaching")
    assert "load-champion" in cached(spec)
    limit_caching(spec, frozenset())
    assert cached(spec) == {"other", "other-3"}


def test_no_cache_is_for_every_step(documents: Any) -> None:
    spec, _ = documents("reaching")
    limit_caching(spec, None)
    assert cached(spec) == set()


def test_a_step_that_reads_what_may_be_overwritten_is_not_cached(documents: Any) -> None:
    spec, _ = documents("outside")
    everything = cached(spec)
    limit_caching(spec, frozenset({"schema"}))
    assert everything - cached(spec) == {"inside.importer", "inside.other"}
    spec, _ = documents("outside")
    limit_caching(spec, frozenset({"sources"}))
    assert everything - cached(spec) == {"ingest-table"}
    assert tasks(spec["components"]["comp-inside"])["ingest-table"]["cachingOptions"] == {"enableCache": True}
