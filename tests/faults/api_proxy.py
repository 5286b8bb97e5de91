"""A stand-in before the API server, which does as a busy, restarting or cut-off one does at chosen requests."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEADERS = ("Content-Type", "Accept")


@dataclass
class ApiProxy:
    """Hands requests to the API server, or does something else.

    Attributes:
        kubeconfig: leads to it.
        asked: every request that came, as `METHOD PATH`.
        refuse: a request's method and path -> the status that it is refused with, or 0 to let it through.
        lose: likewise, but the API server has obeyed when its answer is replaced by this status.
        before: is told of each request before the API server is.
        after: is told of each request that the API server has obeyed, before its client is.
    """

    kubeconfig: Path
    asked: list[str] = field(default_factory=list)
    refuse: Callable[[str], int] = lambda _request: 0
    lose: Callable[[str], int] = lambda _request: 0
    before: Callable[[str], None] = lambda _request: None
    after: Callable[[str], None] = lambda _request: None

    @classmethod
    @contextmanager
    def before_the_cluster(cls, folder: Path) -> Iterator[ApiProxy]:
        """Listens until the end of the block.

        Args:
            folder: takes the kubeconfig and the keys.
        """
        shown = ["kubectl", "config", "view", "--raw", "--minify", "--flatten"]
        known: dict[str, Any] = yaml.safe_load(subprocess.run(shown, capture_output=True, check=True).stdout)
        user, cluster = known["users"][0]["user"], known["clusters"][0]["cluster"]
        tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        pair = folder / "client.pem"
        pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        tls.load_cert_chain(pair)
        proxy = cls(folder / "kubeconfig")
        server = ThreadingHTTPServer(("127.0.0.1", 0), proxy._handler(cluster["server"], tls))
        known["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{server.server_port}"}
        known["users"][0]["user"] = {}
        proxy.kubeconfig.write_text(yaml.safe_dump(known))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
            server.server_close()

    def _handler(self, server: str, tls: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
        proxy, where = self, urlsplit(server)

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = f"{self.command} {self.path}"
                proxy.asked.append(request)
                proxy.before(request)
                status = proxy.refuse(request)
                if status:
                    self.give(status, json.dumps({"message": f"refused by the test with {status}"}).encode())
                    return
                api = http.client.HTTPSConnection(where.hostname or "", where.port, context=tls, timeout=60)
                sent = {name: self.headers[name] for name in HEADERS if name in self.headers}
                api.request(self.command, self.path, body, sent)
                reply = api.getresponse()
                content = reply.read()
                api.close()
                if reply.status < http.client.BAD_REQUEST:
                    proxy.after(request)
                    lost = proxy.lose(request)
                    if lost:
                        self.give(lost, b"the answer is lost")
                        return
                self.give(reply.status, content, reply.headers["Content-Type"])

            def give(self, status: int, content: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        return Handler
