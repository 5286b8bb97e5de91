"""Control: how a push hands a service's listening socket from one predictor to the next.

A predictor listens on a unix socket `STATE/PROCESS.sock`; one that a push starts also inherits a channel to it. On a
channel each message is one word, and is answered with `done`:

    listen      accept on the socket that comes with it, instead of the one before
    give        send the listening socket back
    pause       accept nothing until the channel closes

When the last channel closes, however that came, the predictor reads `STATE/state.json`: if that names it as the one
that serves, it goes on and accepts; if not, it drains and ends. So writing that file is the one moment at which a push
takes place, and a push that is killed leaves exactly one predictor, the one that is on record.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.serve.server import Server

RECORD = "state.json"
WORD = 64


class Control:
    """A predictor's end.

    Args:
        path: of the unix socket, relative because a kernel allows 107 bytes; its stem is the process's name on record.
        lease: the channel to the push that started this process.
    """

    def __init__(self, path: Path, lease: socket.socket) -> None:
        self._path, self._lease = path, lease
        self._channels: set[socket.socket] = set()

    def open(self, server: Server) -> None:
        """Begins to take commands."""
        self._server = server
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self._path))
        self._door.listen()
        self._door.setblocking(False)  # noqa: FBT003 - socket's own signature
        asyncio.get_running_loop().add_reader(self._door, lambda: self._watch(self._door.accept()[0]))
        self._watch(self._lease)

    def close(self) -> None:
        """Takes no more."""
        asyncio.get_running_loop().remove_reader(self._door)
        self._door.close()
        self._path.unlink(missing_ok=True)

    def _watch(self, channel: socket.socket) -> None:
        channel.setblocking(False)  # noqa: FBT003 - socket's own signature
        self._channels.add(channel)
        asyncio.get_running_loop().add_reader(channel, self._receive, channel)

    def _receive(self, channel: socket.socket) -> None:
        try:
            word, fds, _, _ = socket.recv_fds(channel, WORD, 1)
            if word:
                self._obey(word.decode(), channel, [socket.socket(fileno=fd) for fd in fds])
        except OSError:
            word = b""
        if not word:
            self._hang_up(channel)

    def _obey(self, command: str, channel: socket.socket, sockets: list[socket.socket]) -> None:
        gift: list[int] = []
        if command == "listen" and sockets:
            self._server.listen(sockets[0])
        elif command == "give" and self._server.listener:
            gift = [self._server.listener.fileno()]
        elif command == "pause":
            self._server.pause()
        socket.send_fds(channel, [b"done"], gift)

    def _hang_up(self, channel: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(channel)
        self._channels.discard(channel)
        if not self._channels and not self._on_record():
            self._server.leave()
            channel.detach()  # it closes with the process: the other end sees when that is gone
            return
        if not self._channels:
            self._server.resume()
        channel.close()

    def _on_record(self) -> bool:
        try:
            record = json.loads((self._path.parent / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(record.get("process") == self._path.stem)
