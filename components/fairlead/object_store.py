"""Files and folders in an object store: s3://, minio:// (what KFP calls S3 by) and gs://.

Keys, region and endpoint come from the environment, by the names that AWS's tools read, or from a `Store`. An error
comes within seconds, and says which of address, keys, bucket and key is wrong.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import ArtifactError, ClusterError, ConfigError, DataError, FairleadError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMES = ("s3", "minio", "gs")
REGION = "us-east-1"
CONNECT_S, ANSWER_S, ATTEMPTS = 5.0, 60.0, 3
KEYS = (
    "ACCESS_DENIED",
    "SIGNATURE_DOES_NOT_MATCH",
    "INVALID_ACCESS_KEY_ID",
    "AdminUserNotFound",
    "INVALID_CLIENT_TOKEN",
)


@dataclass(frozen=True)
class Store:
    """How S3 is reached, and as whom.

    Attributes:
        endpoint: its address; empty is Amazon's own.
        region: that requests are signed for.
        access_key: empty leaves it to AWS's own search: profile, role.
        secret_key: belongs to it.
        session_token: for keys that were lent.
    """

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls) -> Store:
        """What AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say."""
        known = os.environ
        return cls(
            endpoint=known.get("AWS_ENDPOINT_URL_S3") or known.get("AWS_ENDPOINT_URL", ""),
            region=known.get("AWS_REGION") or known.get("AWS_DEFAULT_REGION", ""),
            access_key=known.get("AWS_ACCESS_KEY_ID", ""),
            secret_key=known.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=known.get("AWS_SESSION_TOKEN", ""),
        )


def is_remote(uri: str) -> bool:
    """A URI of an object store."""
    return uri.partition("://")[0] in SCHEMES and "://" in uri


def as_s3(uri: str) -> str:
    """The same object as other tools than KFP know it: `minio://BUCKET/KEY?…` is `s3://BUCKET/KEY`."""
    return f"s3://{uri.removeprefix('minio://').partition('?')[0]}" if uri.startswith("minio://") else uri


def exists(uri: str, store: Store | None = None) -> bool:
    """An object of that key, or keys below it, are there.

    Raises:
        ClusterError: the store does not answer, or refuses.
    """
    with _opened(uri, store) as (system, path):
        return bool(system.get_file_info(path).type)


def download(uri: str, path: Path, store: Store | None = None) -> None:
    """Fetches an object, or the folder of all keys below this one, whole or not at all.

    Args:
        uri: what to fetch.
        path: takes it; nothing lies there yet.
        store: how to reach it; by default as the environment says.

    Raises:
        DataError: there is no such object.
        ClusterError: the store does not answer, refuses, or has no such bucket.
        ArtifactError: it cannot be written here.
    """
    from pyarrow import fs

    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(uri, store) as (system, source), tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as draft:
        found = _found(system, source, uri)
        if found == fs.FileType.Directory:
            Path(draft, "it").mkdir()
        fs.copy_files(source, str(Path(draft, "it")), source_filesystem=system)
        Path(draft, "it").rename(path)


def read(uri: str, store: Store | None = None) -> bytes:
    """The bytes of an object.

    Raises:
        DataError: there is no such object.
        ClusterError: the store does not answer, or refuses.
    """
    with _opened(uri, store) as (system, source):
        _found(system, source, uri)
        with system.open_input_stream(source) as stream:
            content: bytes = stream.read()
        return content


def upload(path: Path, uri: str, store: Store | None = None, *, replace: bool = True) -> None:
    """Stores a file as an object, or a folder's files as keys below this one.

    Args:
        path: file or folder.
        uri: where it goes.
        store: how to reach it; by default as the environment says.
        replace: what is there; or leave it, where a key says what the object holds.

    Raises:
        ClusterError: the store does not answer, refuses, or has no such bucket.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    with _opened(uri, store) as (system, target):
        for file in files:
            key = f"{target}/{file.relative_to(path).as_posix()}" if path.is_dir() else target
            if not replace and system.get_file_info(key).type:
                continue
            with file.open("rb") as source, system.open_output_stream(key) as stream:
                shutil.copyfileobj(source, stream)


def remove(uri: str, store: Store | None = None) -> None:
    """Removes an object, or all keys below this one; it is fine when there is none.

    Raises:
        ClusterError: the store does not answer, or refuses.
    """
    from pyarrow import fs

    with _opened(uri, store) as (system, path):
        found = system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        for item in (*found, system.get_file_info(path)):
            if item.is_file:
                system.delete_file(item.path)
        for folder in sorted((item.path for item in found if not item.is_file), key=len, reverse=True):
            system.delete_dir(folder)  # some stores keep folders, and remove none that holds another
        if found:
            system.delete_dir(path)


@contextmanager
def _opened(uri: str, store: Store | None) -> Iterator[tuple[Any, str]]:
    """The file system of a URI and the path in it; what goes wrong there is told.

    Raises:
        ClusterError, ArtifactError: see above.
        ConfigError: this is no URI of an object store.
    """
    store = store or Store.from_environment()
    if not is_remote(uri) or not uri.partition("://")[2].strip("/"):
        advice = f"write {', '.join(f'{scheme}://BUCKET/KEY' for scheme in SCHEMES)}"
        raise ConfigError("this is no URI of an object store", where=uri, do=advice)
    path = as_s3(uri).partition("://")[2].strip("/")
    system = _google() if uri.startswith("gs://") else _s3(store)
    try:
        yield system, path
    except OSError as error:
        raise _refusal(error, uri, store, _words(system, path, error)) from None


def _s3(store: Store) -> Any:
    from pyarrow import fs

    keys = {name: getattr(store, name) or None for name in ("access_key", "secret_key", "session_token")}
    return fs.S3FileSystem(
        **keys,
        region=store.region or (REGION if store.endpoint else None),
        endpoint_override=store.endpoint or None,
        connect_timeout=CONNECT_S,
        request_timeout=ANSWER_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        allow_delayed_open=True,  # a small file is one request
        tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE"),
    )


def _google() -> Any:
    from datetime import timedelta

    from pyarrow import fs

    return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=ANSWER_S))


def _found(system: Any, path: str, uri: str) -> Any:
    """What lies at a path: an object, or keys below it.

    Raises:
        DataError: neither.
        ClusterError: there is no such bucket.
    """
    kind = system.get_file_info(path).type
    if not kind:
        bucket = path.partition("/")[0]
        if not system.get_file_info(bucket).type:
            raise _no_bucket(uri, bucket)
        raise DataError("there is no such object", where=uri, got="no object, and no key below it", do="check the URI")
    return kind


def _no_bucket(where: str, bucket: str) -> ClusterError:
    advice = "make the bucket, or name one that is there"
    return ClusterError("there is no such bucket", where=where, got=bucket, do=advice, status=404)


def _words(system: Any, path: str, error: OSError) -> str:
    """What the store says; the answer to HEAD has no body, so that the same is asked in a way that has one."""
    from pyarrow import fs

    said = str(error)
    if "No response body" in said:
        try:
            system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        except OSError as again:
            said = str(again)
    return said


def _refusal(error: OSError, uri: str, store: Store, said: str) -> FairleadError:
    """The error for a failure of the store, or of this machine's disk."""
    address = "Google Cloud Storage" if uri.startswith("gs://") else store.endpoint or "Amazon S3"
    if error.errno and "AWS Error" not in said:
        advice = "free space there, or check its rights"
        return ArtifactError("an object cannot be written or read here", where=uri, got=said, do=advice)
    got = f"{said.partition('operation: ')[2] or said} ({address})"
    if "NETWORK_CONNECTION" in said:
        advice = (
            "see that it is up; AWS_ENDPOINT_URL, or storage.endpoint of the cluster file, is its address from here"
        )
        return ClusterError("the object store does not answer", where=uri, got=got, do=advice)
    if "NO_SUCH_BUCKET" in said:
        return _no_bucket(uri, as_s3(uri).partition("://")[2].partition("/")[0])
    if "region" in said:
        advice = "set AWS_REGION, or storage.region of the cluster file, to the store's region"
        return ClusterError("the object store is in another region", where=uri, got=got, do=advice, status=400)
    if any(word in said for word in KEYS):
        advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may use this bucket"
        return ClusterError("the object store refuses these keys", where=uri, got=got, do=advice, status=403)
    return ClusterError("the object store refuses", where=uri, got=got, do="mend that and run again", status=400)
