"""A real S3 server on a folder: versitygw, which shared/cluster/build makes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.object_store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT = Path(os.environ.get("CLUSTER_HOME", "")) / "bin" / "versitygw"  # shared/cluster/build makes it there
PROGRAM = shutil.which("versitygw") or (str(BUILT) if BUILT.exists() else "")
WHY_NOT = "" if PROGRAM else "no S3 server: no versitygw on PATH, and shared/cluster/build has not made one"


@dataclass(frozen=True)
class S3:
    """A server with one bucket, `bucket`.

    Attributes:
        store: how it is reached.
        data: its folder; objects are files below `data/bucket`.
    """

    store: Store
    data: Path

    @property
    def keys(self) -> dict[str, str]:
        """For a process's environment."""
        return {
            "AWS_ENDPOINT_URL": self.store.endpoint,
            "AWS_REGION": self.store.region,
            "AWS_ACCESS_KEY_ID": self.store.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.secret_key,
        }

    def objects(self) -> list[str]:
        """The keys in the bucket."""
        root = self.data / "bucket"
        return sorted(
            str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".sgwtmp" not in path.parts
        )


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3]:
    """Runs a server until the end of the block."""
    data, meta = folder / "data", folder / "meta"
    (data / "bucket").mkdir(parents=True)
    meta.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = Store(f"http://127.0.0.1:{port}", "us-east-1", "test-key", "test-secret")
    environment = {**os.environ, "ROOT_ACCESS_KEY": store.access_key, "ROOT_SECRET_KEY": store.secret_key}
    command = [PROGRAM, "--port", f"127.0.0.1:{port}", "--quiet", "posix", "--sidecar", str(meta), str(data)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, "the S3 server does not listen"
                time.sleep(0.02)
        yield S3(store, data)
    finally:
        process.kill()
        process.wait()
