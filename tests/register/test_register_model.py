"""register_model against a real SQLite registry."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead import __version__
from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ArtifactError, ConfigError
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.register.registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [  # MLflow 3.17 while it is imported
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]

RACE = """
import sys
from pathlib import Path
from fairlead.register.register_model import RegisterModelConfig, register_model
register_model(Path(sys.argv[1]), RegisterModelConfig(name="flights", tracking_uri=sys.argv[2]))
"""


def register(bundle: ModelBundle, uri: str, **values: Any) -> Any:
    return register_model(bundle.path, RegisterModelConfig(name="flights", tracking_uri=uri, **values))


def stored_model(uri: str, version: str = "1") -> Path:
    with open_registry(uri) as registry:
        return Path(registry.client.get_model_version("flights", version).source.removeprefix("file://"))


def test_a_version_carries_run_tags_alias_and_the_whole_bundle(bundle: ModelBundle, uri: str) -> None:
    made = register(bundle, uri)
    assert (made.name, made.version, made.created) == ("flights", "1", True)
    with open_registry(uri) as registry:
        version = registry.client.get_model_version("flights", "1")
        run = registry.client.get_run(made.run_id)
        assert registry.aliases("flights") == {"candidate": "1"}
    tags = {"fairlead.fingerprint": bundle.fingerprint, "fairlead.version": __version__, "fairlead.data": "d" * 64}
    assert tags.items() <= version.tags.items()
    assert tags.items() <= run.data.tags.items()
    assert (version.run_id, run.info.status) == (made.run_id, "FINISHED")
    assert run.data.metrics == {"rmse": 1.5}
    assert run.data.params.items() >= {"config.rate": "0.1", "config.features": '["x", "c"]', "config.note": ""}.items()
    assert run.data.params["config.odd_name"] == "ö" * 6000
    assert ModelBundle.open(stored_model(uri) / "bundle").fingerprint == bundle.fingerprint


def test_mlflow_itself_loads_the_model_with_its_signature_and_example(bundle: ModelBundle, uri: str) -> None:
    import mlflow.pyfunc

    register(bundle, uri)
    loaded = mlflow.pyfunc.load_model(str(stored_model(uri)))
    assert [tensor.name for tensor in loaded.metadata.signature.inputs] == ["x", "c"]
    answers = loaded.predict(loaded.input_example)["prediction"].ravel()
    assert answers[[0, 2]].tolist() == [2.0, 3.0]


def test_the_same_model_keeps_its_version_and_another_gets_the_next(
    make_bundle: Callable[..., ModelBundle], uri: str
) -> None:
    first, second = make_bundle("one"), make_bundle("two", rmse=1.4)
    made = [register(bundle, uri) for bundle in (first, second, first, make_bundle("copy"))]
    assert [(one.version, one.created) for one in made] == [("1", True), ("2", True), ("1", False), ("1", False)]
    with open_registry(uri) as registry:
        assert registry.aliases("flights") == {"candidate": "1"}


def test_the_same_model_under_another_name_is_another_version(bundle: ModelBundle, uri: str) -> None:
    register(bundle, uri)
    other = register_model(bundle.path, RegisterModelConfig(name="trains", tracking_uri=uri, alias="next"))
    assert (other.version, other.created) == ("1", True)


def test_without_an_address_the_registry_lies_in_fairlead_home(bundle: ModelBundle, home: Path) -> None:
    assert register(bundle, "").created
    assert sorted(path.name for path in home.iterdir()) == ["mlartifacts", "mlflow.db", "mlflow.db.lock"]


def test_nothing_is_left_where_the_step_was_started(bundle: ModelBundle, uri: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    register(bundle, uri)
    assert sorted(tmp_path.iterdir()) == before


def test_the_run_that_kubeflow_opened_is_used_and_left_open(
    bundle: ModelBundle, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_registry(uri) as registry:
        run_id = registry.client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    assert register(bundle, "").run_id == run_id
    with open_registry(uri) as registry:
        run = registry.client.get_run(run_id)
    assert run.info.status == "RUNNING"
    assert run.data.tags["fairlead.fingerprint"] == bundle.fingerprint


def test_two_first_registrations_at_once_both_succeed(make_bundle: Callable[..., ModelBundle], tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'fresh' / 'mlflow.db'}"
    models = [make_bundle("one").path, make_bundle("two", rmse=1.4).path]
    steps = [subprocess.Popen([sys.executable, "-c", RACE, str(model), fresh], stderr=-1) for model in models]
    assert [(step.communicate()[1], step.returncode) for step in steps] == [(b"", 0), (b"", 0)]
    with open_registry(fresh) as registry:
        assert len(registry.client.search_model_versions("name = 'flights'")) == 2


def test_a_signature_that_the_registry_lost_is_told(bundle: ModelBundle, uri: str) -> None:
    register(bundle, uri)
    mlmodel = stored_model(uri) / "MLmodel"
    mlmodel.write_text("".join(mlmodel.read_text().partition("signature:\n")[:1]))
    with pytest.raises(ArtifactError, match="has no signature"):
        register(bundle, uri)


def test_a_registered_model_whose_files_are_gone_is_told(bundle: ModelBundle, uri: str) -> None:
    register(bundle, uri)
    shutil.rmtree(stored_model(uri))
    with pytest.raises(ArtifactError, match="cannot be fetched") as caught:
        register(bundle, uri)
    assert caught.value.where == "flights version 1, MLmodel"


def test_a_damaged_bundle_is_not_registered(bundle: ModelBundle, home: Path) -> None:
    bundle.onnx.write_bytes(bundle.onnx.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="changed or cut off"):
        register(bundle, "")
    assert not home.exists()


def test_what_fails_midway_leaves_a_failed_run_and_no_version(bundle: ModelBundle, uri: str, tmp_path: Path) -> None:
    (tmp_path / "registry" / "mlartifacts").write_text("a file where a folder must be")
    with pytest.raises(Exception, match="registry does not do its work"):
        register(bundle, uri)
    with open_registry(uri) as registry:
        assert registry.client.search_model_versions("name = 'flights'") == []
        experiment = registry.client.get_experiment_by_name("fairlead").experiment_id
        assert [run.info.status for run in registry.client.search_runs([experiment])] == ["FAILED"]


@pytest.mark.parametrize("name", ["", "a/b", "it's", "a b", "-a", "models:/x", "a" * 300, "ü", "a\n"])
def test_a_name_that_breaks_filters_or_paths_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        RegisterModelConfig(name=name)


@pytest.mark.parametrize("alias", ["latest", "v1"])
def test_an_alias_that_mlflow_keeps_for_itself_is_told(alias: str, bundle: ModelBundle, uri: str) -> None:
    with pytest.raises(ConfigError, match="refuses a parameter"):
        register(bundle, uri, alias=alias)
