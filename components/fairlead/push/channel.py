"""Channel: a push's end of the line to a predictor; `fairlead.serve.control` is the other and tells the rules."""

from __future__ import annotations

import os
import signal
import socket
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fairlead.errors import ServeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = 64
PEER = struct.Struct("3i")  # pid, uid and gid, as the kernel knows them


class Channel:
    """An open line; as long as it is open, the predictor waits for what the push decides.

    Args:
        line: a connected unix socket.
        name: of the predictor, for messages.
        timeout: seconds for an answer.
        pid: of the predictor.
    """

    def __init__(self, line: socket.socket, name: str, timeout: float, pid: int) -> None:
        self._line, self._name, self.pid = line, name, pid
        line.settimeout(timeout)

    @classmethod
    def connect(cls, path: Path, timeout: float) -> Channel | None:
        """Calls a running predictor; None when there is none at that path."""
        line = socket.socket(socket.AF_UNIX)
        try:
            with short_name(path) as name:
                line.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            line.close()
            path.unlink(missing_ok=True)
            return None
        pid, _, _ = PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
        return cls(line, path.stem, timeout, pid)

    def command(self, command: str, gift: socket.socket | None = None) -> list[socket.socket]:
        """Sends a command, with a socket if it takes one, and gives the sockets that come back.

        Raises:
            ServeError: the predictor ended, or does not answer in time.
        """
        try:
            socket.send_fds(self._line, [command.encode()], [gift.fileno()] if gift else [])
            answer, fds, _, _ = socket.recv_fds(self._line, WORD, 1)
        except TimeoutError:
            advice = f"give it a longer timeout, or end it: kill -9 {self.pid}"
            raise ServeError(
                "the predictor does not react", where=self._name, got=f"no answer to {command!r}", do=advice
            ) from None
        except OSError:
            answer, fds = b"", []
        if not answer:
            raise ServeError("the predictor ended", where=self._name, do="see the service's log")
        return [socket.socket(fileno=fd) for fd in fds]

    def settle(self, seconds: float, *, kill: bool) -> None:
        """Hangs up and waits until the predictor serves on or is gone, as the record says.

        Args:
            seconds: to wait.
            kill: what does neither in that time.
        """
        self._line.settimeout(seconds)
        try:
            self._line.shutdown(socket.SHUT_WR)
            while self._line.recv(WORD):
                pass  # a late answer
        except TimeoutError:
            if kill:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)  # its own number, for the line is still open
        except OSError:
            pass  # it is gone
        finally:
            self._line.close()


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for a unix socket that fits the 107 bytes a kernel allows, wherever it lies."""
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
