from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import ServeError
from fairlead.push.stop_service import stop_service
from pipeline_runs import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    yield Project(tmp_path)
    with suppress(ServeError):  # a run that failed has started none
        stop_service("flights-delay")
