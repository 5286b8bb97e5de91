"""Starts a predictor process that is on trial: unless it is put on record, it ends with the push that started it."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fairlead.errors import ServeError
from fairlead.push.channel import Channel
from fairlead.push.service_home import DRAIN_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.push.service_home import ServiceHome


class Candidate:
    """A predictor that holds its model and waits; when the push lets go it serves if it is on record, else it ends.

    Attributes:
        name: of the process, as a record tells it.
        url: the private address that it answers at.
        channel: the line to it.
    """

    def __init__(self, name: str, channel: Channel) -> None:
        self.name, self.channel = name, channel
        self.url = ""

    def listen_privately(self) -> None:
        """Waits until the model is loaded."""
        with socket.create_server(("127.0.0.1", 0)) as private:
            self.url = f"http://127.0.0.1:{private.getsockname()[1]}"
            self.channel.command("listen", private)


@contextmanager
def candidate(home: ServiceHome, bundle: Path, service: str, timeout: float) -> Iterator[Candidate]:
    """Starts a predictor in a session of its own and waits until its model is loaded.

    When the block ends the predictor serves on if it is on record; else it is gone.

    Raises:
        ServeError: it does not start in time; errors of the block, too, carry the end of its log.
    """
    name = secrets.token_hex(4)
    ours, theirs = socket.socketpair()
    with theirs, home.log.open("ab") as log:
        start = log.tell()
        process = _start(home, bundle, service, name, theirs, log.fileno())
    this = Candidate(name, Channel(ours, name, timeout, process.pid))
    try:
        try:
            this.listen_privately()
        except ServeError:
            process.kill()  # nobody has been told of it
            raise
        yield this
    except ServeError as error:
        error.got = "\n".join(filter(None, [error.got, home.tail(start)]))
        raise
    finally:
        this.channel.settle(DRAIN_S, kill=home.record.process != name)


def _start(
    home: ServiceHome, bundle: Path, service: str, name: str, lease: socket.socket, log: int
) -> subprocess.Popen[bytes]:
    words = ["--model", str(bundle), "--name", service, "--control", f"{name}.sock", "--lease", str(lease.fileno())]
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead.serve", *words],
        cwd=home.path,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[lease.fileno()],
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # so that a long-lived pusher keeps no zombie
    return process
