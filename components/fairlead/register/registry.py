"""Registry: the MLflow server, or the SQLite file, that the components of this stage speak to."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import ArtifactError, ConfigError, FairleadError, RunError
from fairlead.home import home

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a registered model may be called: safe in URIs, file names and MLflow's filters.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
FINGERPRINT_TAG = "fairlead.fingerprint"
SQLITE = "sqlite:///"

#: MLflow's own patience is minutes; a step says within seconds that nobody answers. The environment has the last word.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Through the server: a link past it names the object store as the server reaches it, not as this step does.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def default_uri() -> str:
    """MLFLOW_TRACKING_URI, else `mlflow.db` in fairlead's home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{home().absolute() / 'mlflow.db'}"


def database_of(uri: str) -> Path | None:
    """The file behind a `sqlite:///` address, None for a server."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


def redacted(text: object) -> str:
    """The text without the user and password of any address in it."""
    return re.sub(r"(?<=://)[^/\s]*@", "***@", str(text))


@dataclass(frozen=True)
class Registry:
    """An open registry; made by `open_registry`.

    Attributes:
        uri: its address, which may hold a password: never shown.
        client: the MlflowClient.
    """

    uri: str
    client: Any

    def aliases(self, name: str) -> dict[str, str]:
        """Alias to version of a registered model; none when there is no such model."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {alias: str(version) for alias, version in found.items()}

    def move_alias(self, name: str, alias: str, version: str) -> None:
        """Points an alias at a version, and looks whether it stays there.

        Raises:
            RunError: somebody else moved it at the same time.
        """
        if self.aliases(name).get(alias) == version:
            return
        self.client.set_registered_model_alias(name, alias, version)
        if (got := self.aliases(name).get(alias)) != version:
            where = f"{name}@{alias}"
            advice = f"another run moved it; look which version is right, then promote that one (this is {version})"
            raise RunError("the alias does not stay where it was put", where=where, got=got, do=advice)

    def fetch(self, version: Any, part: str, directory: Path) -> Path:
        """Downloads a file or folder of a version's model into a directory and gives its path.

        Raises:
            ArtifactError: the store does not have it or does not give it.
        """
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        uri = f"{self.client.get_model_version_download_uri(version.name, version.version)}/{part}"
        try:
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(directory), tracking_uri=self.uri))
        except (MlflowException, OSError) as error:
            where = f"{version.name} version {version.version}, {part}"
            got, do = _line(error), "check that this step reaches the artifact store and that nobody emptied it"
            raise ArtifactError("a registered model cannot be fetched", where=where, got=got, do=do) from None


@contextmanager
def open_registry(tracking_uri: str = "") -> Iterator[Registry]:
    """Opens a registry; while it is open, what MLflow raises is told in plain words.

    Args:
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes `default_uri`.

    Raises:
        ConfigError: an address of another kind, or a parameter that MLflow refuses.
        ArtifactError: a model or version that is not there.
        RunError: nobody answers, or not as they must.
    """
    uri = tracking_uri or default_uri()
    if not re.match(r"https?://[^/]|sqlite:///[^:]", uri):
        advice = "write http://HOST:PORT, https://HOST or sqlite:///FILE"
        raise ConfigError("a registry has another kind of address", where="tracking_uri", got=redacted(uri), do=advice)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _plain_errors(uri):
        with _alone(database_of(uri)):
            from mlflow import MlflowClient

            client = MlflowClient(uri)
        yield Registry(uri, client)


@contextmanager
def _alone(database: Path | None) -> Iterator[None]:
    """Holds other processes off a SQLite file while MLflow makes its tables, which it does without a lock."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA schema_version")  # MLflow would try ten times to open what is no database
        yield


@contextmanager
def _plain_errors(uri: str) -> Iterator[None]:
    """Tells what MLflow, SQLite and the network raise as errors of Fairlead's tree."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError, sqlite3.Error) as error:
        raise _plain(error, uri) from None


def _plain(error: Exception, uri: str) -> FairleadError:
    where, got = redacted(uri), _line(error)
    code = getattr(error, "error_code", "")
    if code == "RESOURCE_DOES_NOT_EXIST":
        return ArtifactError("the registry does not have it", where=where, got=got, do="check name and version")
    if code == "INVALID_PARAMETER_VALUE":
        return ConfigError("the registry refuses a parameter", where=where, got=got, do="correct this parameter")
    if code in {"PERMISSION_DENIED", "UNAUTHENTICATED"}:
        advice = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return RunError("the registry does not let this step in", where=where, got=got, do=advice)
    advice = "check the address and that it is up and can be written, then run this step again"
    return RunError("the registry does not do its work", where=where, got=got, do=advice)


def _line(error: Exception) -> str:
    """An error's first words, without secrets."""
    return redacted(error).strip().split("\n")[0][:400]
