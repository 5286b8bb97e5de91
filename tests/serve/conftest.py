from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from predictor import Predictor

import served_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.artifacts.bundle import ModelBundle


@pytest.fixture(scope="session", params=["regression", "classification"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return getattr(served_models, request.param)(tmp_path_factory.mktemp("bundles") / request.param)


@pytest.fixture(scope="session")
def predictor(bundle: ModelBundle) -> Iterator[Predictor]:
    """A server process for all tests of a bundle: whatever they send, it stays up."""
    with Predictor.start(bundle) as running:
        yield running
        assert running.process.poll() is None
