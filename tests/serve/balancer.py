"""A balancer as kube-proxy is one: a new connection goes to one of the endpoints of the moment, and stays there."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


class Pipe(asyncio.Protocol):
    """One end of a connection: what comes, its end and its reset go to the other end."""

    def __init__(self, made: Callable[[Pipe], None] = lambda _: None) -> None:
        self._made = made
        self.other: Pipe | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._made(self)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other:
            (self.other.transport.abort if exc else self.other.transport.close)()


class Balancer:
    """Runs in a thread of its own.

    Attributes:
        address: that clients connect to.
    """

    def __init__(self) -> None:
        self._loop, self._turn = asyncio.new_event_loop(), count()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._endpoints: list[str] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._pipes: list[Pipe] = []
        self.address = ""

    @classmethod
    @contextmanager
    def over(cls, *endpoints: str) -> Iterator[Self]:
        balancer = cls()
        balancer._thread.start()
        balancer.use(*endpoints)
        server = balancer._call(balancer._loop.create_server(lambda: Pipe(balancer._accept), "127.0.0.1", 0))
        balancer.address = "{}:{}".format(*server.sockets[0].getsockname())
        try:
            yield balancer
        finally:
            balancer._call(balancer._end(server))
            balancer._loop.call_soon_threadsafe(balancer._loop.stop)
            balancer._thread.join()
            balancer._loop.close()

    def use(self, *endpoints: str) -> None:
        """When this returns, new connections go to these alone; those that are open stay where they are."""
        self._call(self._use(endpoints))

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _use(self, endpoints: tuple[str, ...]) -> None:
        self._endpoints = list(endpoints)
        await asyncio.gather(*self._opening)  # the kernel, too, chooses and connects in one

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        for pipe in self._pipes:
            pipe.transport.abort()

    def _accept(self, near: Pipe) -> None:
        near.transport.pause_reading()
        task = self._loop.create_task(self._connect(near))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, near: Pipe) -> None:
        host, port = self._endpoints[next(self._turn) % len(self._endpoints)].split(":")
        _, far = await self._loop.create_connection(Pipe, host, int(port))
        near.other, far.other = far, near
        self._pipes += [near, far]
        near.transport.resume_reading()
