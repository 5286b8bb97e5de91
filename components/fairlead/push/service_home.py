"""ServiceHome: the directory of one local service, held by one push at a time.

    state.json      which predictor serves, where, and which model
    lock            held during a push
    log             what the predictors said
    PROCESS.sock    the line to a predictor
    models/         bundles by fingerprint

Of the models it keeps copies of the one that serves and of the one before, so that either can be pushed again.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.directory import new_directory, read_json, rename_file, write_json
from fairlead.errors import ArtifactError, ServeError
from fairlead.home import home
from fairlead.push.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAIN_S = 40.0  # what a predictor takes at most to finish its requests, and some
TAIL_LINES = 20


@dataclass(frozen=True)
class Record:
    """What state.json says.

    Attributes:
        process: the name of the predictor that serves; "" when the service is stopped.
        pid: of that, for people.
        host: address that it listens on.
        port: likewise.
        fingerprint: of its model.
        previous: of the model before.
    """

    process: str = ""
    pid: int = 0
    host: str = ""
    port: int = 0
    fingerprint: str = ""
    previous: str = ""

    @property
    def url(self) -> str:
        """As a client on this machine calls it."""
        local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared
        return f"http://[{local}]:{self.port}" if ":" in local else f"http://{local}:{self.port}"


def home_of(state: str) -> Path:
    """The directory that local services live in, absolute."""
    return (Path(state) if state else home()).absolute()


class ServiceHome:
    """One service's directory; make one with `hold`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log"

    @classmethod
    @contextmanager
    def hold(cls, services: Path, service: str, timeout: float) -> Iterator[ServiceHome]:
        """Waits for the lock, and clears away what a killed push left.

        Raises:
            ServeError: the directory cannot be written.
        """
        held = cls(services / "services" / service)
        try:
            held.path.mkdir(parents=True, exist_ok=True)
            held.path.chmod(0o700)
            lock = (held.path / "lock").open("w")
        except OSError as error:
            raise ServeError(
                "the service's directory cannot be written", where=held.path, got=error, do="check its rights"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held._sweep(timeout)
            yield held

    @property
    def record(self) -> Record:
        """What is known of the service; empty when it is new.

        Raises:
            ArtifactError: state.json is damaged.
        """
        path = self.path / "state.json"
        if not path.exists():
            return Record()
        try:
            return Record(**read_json(path))
        except TypeError as error:
            raise ArtifactError(
                "the service's record cannot be read", where=path, got=error, do="mend or remove it"
            ) from None

    def commit(self, record: Record) -> None:
        """Says which predictor serves from now on; on disk at once or not at all."""
        draft = self.path / ".state.json"
        write_json(draft, asdict(record))
        rename_file(draft, self.path / "state.json")

    @contextmanager
    def line(self, process: str, timeout: float) -> Iterator[Channel | None]:
        """The line to a predictor, None when it is not there; at the end it does as the record says."""
        channel = Channel.connect(self.path / f"{process}.sock", timeout) if process else None
        try:
            yield channel
        finally:
            if channel and process == self.record.process:
                channel.settle(timeout, kill=False)
            elif channel:
                channel.settle(DRAIN_S, kill=True)

    def model(self, fingerprint: str) -> Path:
        """Where the copy of a bundle lies."""
        return self.path / "models" / fingerprint

    def keep(self, bundle: ModelBundle) -> Path:
        """Copies a bundle here, so that what serves does not depend on where it came from."""
        copy = self.model(bundle.fingerprint)
        try:
            if ModelBundle.open(copy).fingerprint == bundle.fingerprint:
                return copy
        except ArtifactError:
            pass  # not there yet, or damaged since
        with new_directory(copy) as draft:
            shutil.copytree(bundle.path, draft, dirs_exist_ok=True, copy_function=shutil.copyfile)
        ModelBundle.open(copy)
        return copy

    def tail(self, start: int) -> str:
        """The last lines of the log after a position."""
        with self.log.open("rb") as stream:
            stream.seek(start)
            lines = stream.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def _sweep(self, timeout: float) -> None:
        """Lets go of predictors and models that are not on record."""
        record = self.record
        for socket in self.path.glob("*.sock"):
            if socket.stem != record.process:
                with self.line(socket.stem, timeout):
                    pass  # to be asked is enough
        for copy in (self.path / "models").glob("*"):
            if copy.name not in (record.fingerprint, record.previous):
                shutil.rmtree(copy, ignore_errors=True)
