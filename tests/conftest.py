from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fairlead_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test has services, registry and cache of its own; the path is short, for unix sockets."""
    home = Path(tempfile.mkdtemp(prefix="fl-"))
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)
