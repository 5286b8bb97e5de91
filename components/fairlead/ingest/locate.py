"""From a source as the user wrote it to a file on this machine."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

from fairlead.errors import ConfigError, DataError

PACKAGE = "package:"


def locate(uri: str) -> Path:
    """Finds the file behind a path or `package:NAME/PATH` (a file inside an installed Python package).

    Raises:
        ConfigError: the package is not installed.
        DataError: there is no such file.
    """
    path = _inside_package(uri) if uri.startswith(PACKAGE) else Path(uri).expanduser()
    if not path.is_file():
        raise DataError("a source is not a file", where=uri, got=f"nothing at {path}", do="check the path")
    return path


def _inside_package(uri: str) -> Path:
    name, _, inside = uri.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None  # a top-level package is found, not imported
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("a source names a package that is not installed", where=uri, got=name, do=f"install {name}")
    return Path(spec.submodule_search_locations[0]) / inside


def unzip(path: Path, folder: Path) -> Path:
    """Unpacks the one file of a ZIP archive into `folder`.

    Raises:
        DataError: the archive is damaged, or holds more or less than one file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
            if len(members) != 1:
                raise DataError(
                    "an archive must hold one file",
                    where=path,
                    got=", ".join(members) or "none",
                    do="pack one file",
                )
            return Path(archive.extract(members[0], folder))
    except (zipfile.BadZipFile, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]  # zlib is there
        raise DataError("an archive cannot be read", where=path, got=error, do="fetch it again") from None
