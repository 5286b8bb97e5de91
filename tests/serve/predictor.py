"""A predictor process, and a plain client of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle

NAME = "flights"


def command(model: Path, *words: str) -> list[str]:
    arguments = ["--model", str(model), "--name", NAME, "--host", "127.0.0.1", *words]
    return [sys.executable, "-m", "fairlead.serve", *arguments]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Predictor:
    process: subprocess.Popen[str]
    bundle: ModelBundle
    address: str

    @classmethod
    @contextmanager
    def start(cls, bundle: ModelBundle, *words: str) -> Iterator[Self]:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command(bundle.path, "--port", "0", *words), stdout=pipe, stderr=pipe, text=True
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                assert "http://" in first, process.communicate()[1]
                yield cls(process, bundle, first.split("http://")[1].strip())
            finally:
                process.kill()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        with self.connect() as connection:
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def connect(self) -> closing[http.client.HTTPConnection]:
        return closing(http.client.HTTPConnection(self.address, timeout=30))

    def predict(self, instances: Any, **more: Any) -> Answer:
        return self.ask("POST", f"/v1/models/{NAME}:predict", {"instances": instances, **more})

    def infer(self, body: dict[str, Any] | bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", f"/v2/models/{NAME}/infer", body, headers)
