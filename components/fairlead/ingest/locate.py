"""From a source as the user wrote it to a file on this machine."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

from fairlead.errors import ConfigError, DataError
from fairlead.object_store import as_s3, download, is_remote

PACKAGE = "package:"


def locate(uri: str, folder: Path) -> Path:
    """Finds the file behind a path, a `package:NAME/PATH` (a file inside an installed Python package), or a URI.

    Args:
        uri: as the user wrote it.
        folder: takes what a URI (s3://, minio://, gs://) names.

    Raises:
        ConfigError: the package is not installed.
        DataError: there is no such file or object.
        ClusterError: the object store does not answer, or refuses.
    """
    if is_remote(uri):
        path = folder / as_s3(uri).rpartition("/")[2]
        download(uri, path)
        return path
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
