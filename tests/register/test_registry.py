"""The registry behind an address: real servers, and peers that are none."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ConfigError, RunError
from fairlead.register.load_champion import LoadChampionConfig, load_champion
from fairlead.register.promote_model import PromoteModelConfig, promote_model
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.register.registry import default_uri, open_registry, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [  # MLflow 3.17 while it is imported
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]

SECRET = "hunter@2"  # noqa: S105 - what must not be seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def slamming_door() -> Iterator[int]:
    """A port that accepts and closes at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def slam() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=slam, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def another_kind_of_server() -> Iterator[int]:
    """A web server that knows nothing of MLflow."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        do_POST = do_GET  # noqa: N815 - the standard library's name

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def closed_port() -> Iterator[int]:
    yield free_port()


@pytest.mark.parametrize("peer", [slamming_door, another_kind_of_server, closed_port])
def test_a_peer_that_is_no_registry_is_told_within_seconds_and_without_secrets(
    peer: object, bundle: ModelBundle, tmp_path: Path
) -> None:
    with peer() as port:  # type: ignore[operator]  # one of the context managers above
        uri = f"http://user:{SECRET}@127.0.0.1:{port}"
        started = time.monotonic()
        with pytest.raises(RunError, match="registry does not do its work") as caught:
            register_model(bundle.path, RegisterModelConfig(name="flights", tracking_uri=uri))
        with pytest.raises(RunError):
            load_champion(LoadChampionConfig(name="flights", tracking_uri=uri), tmp_path / "out")
        assert time.monotonic() - started < 30
    assert SECRET not in str(caught.value)
    assert f"***@127.0.0.1:{port}" in caught.value.where
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "uri", ["mlruns", "/srv/mlruns", "file:///srv/x", "ftp://x", "http://", "sqlite:///", "sqlite:///:memory:", "uc"]
)
def test_another_kind_of_address_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="another kind of address"), open_registry(uri):
        pass


def test_an_address_from_the_environment_is_taken_and_never_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgres://user:{SECRET}@db/mlflow")
    assert default_uri().startswith("postgres://")
    with pytest.raises(ConfigError) as caught, open_registry():
        pass
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("notes of mine, longer than a header" * 100)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with pytest.raises(RunError, match="registry does not do its work") as caught, open_registry(uri):
        pass
    assert caught.value.got == "file is not a database"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError), open_registry(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}"):
        pass


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h/x", "http://***@h/x"),
        ("at http://u:a@b@h and https://t@g:1", "at http://***@h and https://***@g:1"),
        ("http://h/a@b", "http://h/a@b"),
        ("nobody@nowhere", "nobody@nowhere"),
    ],
)
def test_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """`mlflow server` with artifacts of its own."""
    port, store = free_port(), tmp_path / "server"
    store.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store}/mlflow.db", "--artifacts-destination", str(store / "files")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (store / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True)
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(uri, process, store / "log")
        yield uri
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def wait_until_up(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            threading.Event().wait(0.1)
    pytest.fail(log.read_text()[-2000:])


def test_the_whole_way_through_a_server(server: str, bundle: ModelBundle, tmp_path: Path) -> None:
    config = RegisterModelConfig(name="flights", tracking_uri=server)
    assert not load_champion(LoadChampionConfig(name="flights", tracking_uri=server), tmp_path / "none")
    made, again = register_model(bundle.path, config), register_model(bundle.path, config)
    assert (made.created, again.created, again.version) == (True, False, made.version)
    promote_model(PromoteModelConfig(name="flights", version=made.version, tracking_uri=server))
    assert load_champion(LoadChampionConfig(name="flights", tracking_uri=server), tmp_path / "out")
    assert ModelBundle.open(tmp_path / "out").manifest == bundle.manifest
