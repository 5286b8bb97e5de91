"""Where this machine keeps what outlives a run: services, the registry, cached steps."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder that FAIRLEAD_HOME names, else `.fairlead` in the user's home."""
    return Path(os.environ.get("FAIRLEAD_HOME") or Path.home() / ".fairlead")
