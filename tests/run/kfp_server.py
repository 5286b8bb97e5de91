"""A real HTTP server that answers as Kubeflow Pipelines does, or as something else does in its place."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Status, content type, body.
Answer = tuple[int, str, str]


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@contextmanager
def serve(answers: list[Answer] | Callable[[Asked], Answer]) -> Iterator[tuple[str, list[Asked]]]:
    """Serves until the end of the block; gives the address, and what was asked.

    Args:
        answers: in turn, the last for ever; or what gives the answer to a request.
    """
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked.append(Asked(self.command, self.path, dict(self.headers), given))
            in_turn = answers if callable(answers) else lambda _: answers[min(len(asked), len(answers)) - 1]
            status, kind, body = in_turn(asked[-1])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
