"""What a test sees of local services: their processes, their answers under load, and a push that can be killed."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = "flights"
BODY = json.dumps({"instances": [{"distance": 1.0, "carrier": None}]})
DEADLINE_S = 60


def wait_for(what: Callable[[], Any], says: str) -> Any:
    """The first true value."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.001)
    raise AssertionError(says)


@dataclass(frozen=True)
class Services:
    """The services under a home, as the system shows them."""

    home: Path

    @property
    def path(self) -> Path:
        return self.home / "services" / SERVICE

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.path / "state.json").read_text())

    def predictors(self) -> list[int]:
        """The numbers of their processes that live."""
        pids = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                inside = Path(process / "cwd").readlink().is_relative_to(self.home)
                alive = (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except OSError:
                continue  # it ended meanwhile
            if inside and alive:
                pids.append(int(process.name))
        return pids

    def holders(self, port: int) -> list[int]:
        """Those that hold the listening socket of a port."""
        lines = Path("/proc/net/tcp").read_text().splitlines()
        inodes = [line.split()[9] for line in lines if re.search(rf": \w+:{port:04X} \w+:\w+ 0A", line)]
        return [pid for pid in self.predictors() if any(f"socket:[{inode}]" in _open_files(pid) for inode in inodes)]

    def ask(self) -> tuple[str, Any]:
        """The fingerprint and the prediction that a client gets."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.state["port"], timeout=30)) as connection:
            return ask(connection)


def _open_files(pid: int) -> list[str]:
    names = []
    try:
        for path in Path(f"/proc/{pid}/fd").iterdir():
            names.append(str(path.readlink()))  # noqa: PERF401 - what was read before one vanishes counts
    except OSError:
        pass
    return names


def ask(connection: http.client.HTTPConnection) -> tuple[str, Any]:
    connection.request("POST", f"/v1/models/{SERVICE}:predict", BODY)
    response = connection.getresponse()
    content = response.read()
    assert response.status == 200, content
    return response.headers["x-fairlead-model"], json.loads(content)["predictions"][0]


@dataclass
class Load:
    """Clients that never rest: half of them keep their connection, half open one for each request."""

    answers: set[tuple[str, Any]] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    requests: int = 0

    @classmethod
    @contextmanager
    def on(cls, url: str) -> Iterator[Self]:
        load, done = cls(), threading.Event()
        address = urlsplit(url).netloc
        clients = [
            threading.Thread(target=load._run, args=(address, done, keep)) for keep in (True, False, True, False)
        ]
        for client in clients:
            client.start()
        try:
            wait_for(lambda: load.requests or load.failures, "no client was answered")
            yield load
        finally:
            done.set()
            for client in clients:
                client.join()

    def _run(self, address: str, done: threading.Event, keep: bool) -> None:
        with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
            while not done.is_set():
                try:
                    self.answers.add(ask(connection))
                except (OSError, http.client.HTTPException, AssertionError) as error:
                    self.failures.append(repr(error))
                    connection.close()
                self.requests += 1
                if not keep:
                    connection.close()


def pusher(model: Path, **config: Any) -> subprocess.Popen[str]:
    """A push in a process of its own; it prints what it did."""
    code = (
        "import sys, json; from pathlib import Path\n"
        "from fairlead.push.push_model import PushModelConfig, push_model\n"
        "print(push_model(Path(sys.argv[1]), PushModelConfig(**json.loads(sys.argv[2]))).action)"
    )
    words = [sys.executable, "-c", code, str(model), json.dumps({"service": SERVICE, **config})]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
