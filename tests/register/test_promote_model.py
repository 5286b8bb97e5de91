"""promote_model: the alias moves once, and the candidate's goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.errors import ArtifactError, ConfigError, RunError
from fairlead.register.promote_model import PromoteModelConfig, Promotion, promote_model
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.register.registry import Registry, open_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.artifacts.bundle import ModelBundle


pytestmark = [  # MLflow 3.17 while it is imported
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]


@pytest.fixture
def two_versions(make_bundle: Callable[..., ModelBundle], uri: str) -> str:
    """A registry whose second version is the candidate."""
    for name, rmse in (("one", 1.5), ("two", 1.4)):
        register_model(make_bundle(name, rmse).path, RegisterModelConfig(name="flights", tracking_uri=uri))
    return uri


def promote(uri: str, version: str) -> Promotion:
    return promote_model(PromoteModelConfig(name="flights", version=version, tracking_uri=uri))


def aliases(uri: str) -> dict[str, str]:
    with open_registry(uri) as registry:
        return registry.aliases("flights")


def test_the_alias_moves_and_the_candidate_goes(two_versions: str) -> None:
    assert promote(two_versions, "1") == Promotion("1", "")
    assert aliases(two_versions) == {"champion": "1", "candidate": "2"}
    assert promote(two_versions, "2") == Promotion("2", "1")
    assert aliases(two_versions) == {"champion": "2"}


def test_twice_is_once(two_versions: str) -> None:
    promote(two_versions, "2")
    assert promote(two_versions, "2") == Promotion("2", "2")
    assert aliases(two_versions) == {"champion": "2"}


@pytest.mark.parametrize(("name", "version"), [("flights", "3"), ("trains", "1")])
def test_a_version_that_is_not_there_is_told(name: str, version: str, two_versions: str) -> None:
    config = PromoteModelConfig(name=name, version=version, tracking_uri=two_versions)
    with pytest.raises(ArtifactError, match="does not have it"):
        promote_model(config)


@pytest.mark.parametrize("version", ["", "0", "-1", "latest", "1.0", "1 or 1=1", "9" * 30, "1\n"])
def test_a_version_is_a_whole_number(version: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PromoteModelConfig(name="flights", version=version)
    assert caught.value.where == "version"


def test_another_run_that_moves_the_alias_meanwhile_is_told(two_versions: str) -> None:
    from mlflow import MlflowClient

    class Hurried(MlflowClient):  # type: ignore[misc]  # MLflow has no types
        """A real client, overtaken by another run right after it set the alias."""

        def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
            super().set_registered_model_alias(name, alias, version)
            MlflowClient(two_versions).set_registered_model_alias(name, alias, "1")

    registry = Registry(two_versions, Hurried(two_versions))
    with pytest.raises(RunError, match="does not stay") as caught:
        registry.move_alias("flights", "champion", "2")
    assert (caught.value.where, caught.value.got) == ("flights@champion", "1")
