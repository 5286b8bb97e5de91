"""load_champion: the champion's bundle, or an empty directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ArtifactError
from fairlead.register.load_champion import LoadChampionConfig, load_champion
from fairlead.register.promote_model import PromoteModelConfig, promote_model
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.register.registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = [  # MLflow 3.17 while it is imported
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]


@pytest.fixture
def champion(bundle: ModelBundle, uri: str) -> Path:
    """A registered champion; the folder where the registry keeps its bundle."""
    register_model(bundle.path, RegisterModelConfig(name="flights", tracking_uri=uri))
    promote_model(PromoteModelConfig(name="flights", version="1", tracking_uri=uri))
    with open_registry(uri) as registry:
        source = registry.client.get_model_version("flights", "1").source
    return Path(source.removeprefix("file://")) / "bundle"


def load(uri: str, out: Path) -> bool:
    return load_champion(LoadChampionConfig(name="flights", tracking_uri=uri), out)


@pytest.mark.usefixtures("champion")
def test_the_champions_bundle_is_fetched_whole(bundle: ModelBundle, uri: str, tmp_path: Path) -> None:
    assert load(uri, tmp_path / "out")
    assert ModelBundle.open(tmp_path / "out").manifest == bundle.manifest


def test_before_the_first_model_nothing_is_made_but_an_empty_directory(home: Path, tmp_path: Path) -> None:
    assert not load("", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert not home.exists()


def test_no_such_model_is_an_empty_directory(uri: str, tmp_path: Path) -> None:
    assert not load(uri, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_candidate_alone_is_no_champion(bundle: ModelBundle, uri: str, tmp_path: Path) -> None:
    register_model(bundle.path, RegisterModelConfig(name="flights", tracking_uri=uri))
    assert not load(uri, tmp_path / "out")


def test_a_champion_that_was_demoted_does_not_linger(champion: Path, uri: str, tmp_path: Path) -> None:
    assert champion.is_dir()
    load(uri, tmp_path / "out")
    with open_registry(uri) as registry:
        registry.client.delete_registered_model_alias("flights", "champion")
    assert not load(uri, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["model.onnx", "golden.json", "manifest.json", "native/model.txt"])
def test_a_byte_changed_in_the_store_is_told(name: str, champion: Path, uri: str, tmp_path: Path) -> None:
    path = champion / name
    path.write_bytes(b"?" + path.read_bytes()[1:])
    with pytest.raises(ArtifactError) as caught:
        load(uri, tmp_path / "out")
    assert caught.value.where.endswith(name)
    assert not (tmp_path / "out").exists()


def test_a_bundle_of_another_model_in_its_place_is_told(
    champion: Path, make_bundle: Callable[..., ModelBundle], uri: str, tmp_path: Path
) -> None:
    other = make_bundle("other", rmse=9.0)
    for path in (champion / "metrics.json", champion / "manifest.json"):
        path.write_bytes((other.path / path.name).read_bytes())
    with pytest.raises(ArtifactError, match="not the one registered"):
        load(uri, tmp_path / "out")
