"""From what a user calls a model to its bundle: a local service's name, or a folder."""

from __future__ import annotations

from pathlib import Path

from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ServeError
from fairlead.home import home
from fairlead.push.service_home import Record, ServiceHome


def find_model(name: str) -> tuple[ModelBundle, Record | None]:
    """Opens the bundle that a service serves, or that lies in a folder.

    Returns:
        The bundle, and the service's record when `name` is a service.

    Raises:
        ServeError: neither a service nor a folder has this name.
        ArtifactError: the bundle is damaged.
    """
    service = ServiceHome(home() / "services" / name)
    if service.record.fingerprint:
        return ModelBundle.open(service.path / "models" / service.record.fingerprint), service.record
    if Path(name).is_dir():
        return ModelBundle.open(Path(name)), None
    known = ", ".join(sorted(path.name for path in service.path.parent.glob("*"))) or "none yet"
    raise ServeError(
        "no service and no folder has this name", where=name, got=f"services: {known}", do="name one of them"
    )
