from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from services import Services, wait_for

import served_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle


@pytest.fixture
def services(fairlead_home: Path) -> Iterator[Services]:
    """No predictor outlives its test, whatever happens."""
    services = Services(fairlead_home)
    yield services
    for pid in services.predictors():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not services.predictors(), "a predictor is still there")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def one(models: Path) -> ModelBundle:
    return served_models.regression(models / "one", slope=1.0)


@pytest.fixture(scope="module")
def two(models: Path) -> ModelBundle:
    """Its golden rows are many, so that their comparison can be caught in the act."""
    return served_models.regression(models / "two", slope=2.0, times=20_000)
