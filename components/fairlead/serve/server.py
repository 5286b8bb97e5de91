"""Server: uvicorn that can take, pause and hand over a listening socket, and that drains before it ends.

It accepts connections itself: asyncio's own server drops what it has accepted but not yet opened when it is closed, and
plain uvicorn closes idle keep-alive connections under a client that is about to use them. A service that is updated
under load must do neither.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from types import FrameType
    from typing import Any

    from fairlead.serve.control import Control

KEEP_ALIVE_S = 620  # between two requests; clients and balancers let go first (Go 90 s, AWS 60 s, Google 600 s)
REST_S = 5  # the same while it drains
RETRY_S = 0.1  # after the process ran out of file descriptors
POLL_S = 0.02
LOG = logging.getLogger("uvicorn.error")


class Server(uvicorn.Server):
    """Serves an app on at most one socket at a time.

    Args:
        app: the ASGI application.
        headers: sent with every response.
        drain: seconds that requests in flight are given at the end.
        control: the hand of a push, if there is one.
        greeting: printed once it accepts, and signals drain it.
    """

    def __init__(
        self,
        app: Any,
        headers: list[tuple[str, str]],
        drain: float,
        control: Control | None = None,
        greeting: str = "",
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                headers=headers,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=1,
            )
        )
        self.listener: socket.socket | None = None
        self._accepting = False
        self._drain_s, self._control, self._greeting = drain, control, greeting
        self._opening: set[asyncio.Task[Any]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept, or to wait for what a push commands."""
        await super().startup(sockets=[])
        for listener in sockets or []:
            self.listen(listener)
        if self._control:
            self._control.open(self)
        print(self._greeting, end="", flush=True)  # noqa: T201 - a server's first words

    def listen(self, listener: socket.socket) -> None:
        """Accepts on this socket, and lets go of the one before."""
        self.pause()
        if self.listener:
            self.listener.close()
        listener.setblocking(False)  # noqa: FBT003 - socket's own signature
        self.listener = listener
        self.resume()

    def pause(self) -> None:
        """Leaves new connections in the kernel's queue, for whoever else holds the socket."""
        self._accepting = False
        if self.listener:
            asyncio.get_running_loop().remove_reader(self.listener)

    def resume(self) -> None:
        """Accepts again."""
        self._accepting = not self.should_exit
        self._watch()

    def leave(self) -> None:
        """Accepts nothing more, finishes what it has, and ends the process."""
        self.pause()
        self.should_exit = True

    def _watch(self) -> None:
        if self.listener and self._accepting:
            asyncio.get_running_loop().add_reader(self.listener, self._accept)

    def _accept(self) -> bool:
        """Takes one connection, if there is one."""
        loop = asyncio.get_running_loop()
        assert self.listener is not None  # noqa: S101 - for mypy: the loop watches it
        try:
            connection, _ = self.listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another process was faster, or the client left
        except OSError as error:
            LOG.warning("cannot accept a connection for now: %s", error)
            loop.remove_reader(self.listener)
            loop.call_later(RETRY_S, self._watch)
            return False
        task = loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket) -> None:
        protocol: Any = self.config.http_protocol_class
        connection.setblocking(False)  # noqa: FBT003 - socket's own signature
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol(config=self.config, server_state=self.server_state, app_state={}), connection
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - ours are in `listener`
        """Refuses new connections, finishes the others, and ends."""
        self._let_go()
        await self._drain()
        await super().shutdown()
        if self._control:
            self._control.close()

    def _let_go(self) -> None:
        while self._accepting and self._accept():
            pass  # who waits in the queue has connected, and is not turned away
        self.pause()
        if self.listener:
            self.listener.close()
            self.listener = None

    async def _drain(self) -> None:
        """Lets each client finish: the next answer on a connection closes it, and so does rest."""
        self.server_state.default_headers.append((b"connection", b"close"))
        now = asyncio.get_running_loop().time
        start = now()
        while self._opening or self.server_state.connections:
            waited = now() - start
            if waited > self._drain_s or (waited > REST_S and not self._opening and not self._busy()):
                return
            await asyncio.sleep(POLL_S)

    def _busy(self) -> bool:
        """A request is being answered."""
        connections: set[Any] = self.server_state.connections
        cycles = [connection.cycle for connection in connections]
        return any(cycle and not cycle.response_complete for cycle in cycles)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """SIGTERM and SIGINT drain; a second one ends at once."""
        if self.should_exit:
            self._drain_s, self.force_exit = 0, True
        self.should_exit = True
