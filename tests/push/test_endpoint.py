"""What a push asks of an address: the model's fingerprint, and its golden answers over the wire."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from services import SERVICE, Services

import served_models
from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ServeError
from fairlead.push.endpoint import Endpoint
from fairlead.push.push_model import PushModelConfig, push_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def promised(model: ModelBundle, path: Path, **golden: Any) -> ModelBundle:
    """The same model by its name; its golden rows were changed once it had been opened."""
    shutil.copytree(model.path, path)
    opened = ModelBundle.open(path)
    (path / "golden.json").write_text(json.dumps({**model.golden, **golden}))
    return opened


@pytest.mark.parametrize(
    ("answers", "got"),
    [
        ([0.0, 1402.25, None, -3e-7, 1e17], "row 0, prediction: 1.1, golden 0.0; 1 wrong rows"),
        ([1.1, 1402.25, 0.0, -3e-7, 1e17 + 16], "row 2, prediction: None, golden 0.0; 2 wrong rows"),
        ([1.1, 1402.25], "prediction: 5 values, golden 2"),
    ],
)
def test_a_wrong_answer_over_the_wire(
    services: Services, one: ModelBundle, tmp_path: Path, answers: list[Any], got: str
) -> None:
    url = push_model(one.path, PushModelConfig(service=SERVICE)).url
    endpoint = Endpoint(url, SERVICE, 30)
    endpoint.verify(one)
    with pytest.raises(ServeError, match="does not give the golden answers") as raised:
        endpoint.verify(promised(one, tmp_path / "promised", outputs={"prediction": answers}))
    assert (raised.value.where, raised.value.got) == (url, got)
    assert services.predictors()


def test_an_output_that_is_not_there(services: Services, one: ModelBundle, tmp_path: Path) -> None:
    url = push_model(one.path, PushModelConfig(service=SERVICE)).url
    more = {**one.golden["outputs"], "variance": [1.0] * 5}
    with pytest.raises(ServeError) as raised:
        Endpoint(url, SERVICE, 30).verify(promised(one, tmp_path / "promised", outputs=more))
    assert raised.value.got == "variance: 0 values, golden 5"
    assert services.predictors()


def test_a_wrong_class_names_its_probability(services: Services, tmp_path: Path) -> None:
    model = served_models.classification(tmp_path / "model")
    url = push_model(model.path, PushModelConfig(service=SERVICE)).url
    outputs = model.golden["outputs"]
    outputs["probabilities"][1][2] = 0.5
    with pytest.raises(ServeError) as raised:
        Endpoint(url, SERVICE, 30).verify(promised(model, tmp_path / "promised", outputs=outputs))
    assert raised.value.got.startswith("row 1, probabilities['ütile']: ")
    assert services.predictors()


def test_another_model_at_the_address(services: Services, one: ModelBundle, two: ModelBundle) -> None:
    url = push_model(one.path, PushModelConfig(service=SERVICE)).url
    with pytest.raises(ServeError, match="another model answers") as raised:
        Endpoint(url, SERVICE, 30).verify(two)
    assert one.fingerprint in raised.value.got
    assert services.predictors()


@contextmanager
def stranger(fingerprint: str, answer: bytes) -> Iterator[str]:
    """A server that knows the model's name and nothing of the protocol."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._say(json.dumps({"versions": [fingerprint]}).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("answer", [b"{}", b'{"outputs": []}', b'{"outputs": [{"name": "prediction"}]}', b"[]", b"<p>"])
def test_a_stranger_is_told_in_plain_words(one: ModelBundle, answer: bytes) -> None:
    with stranger(one.fingerprint, answer) as url, pytest.raises(ServeError) as raised:
        Endpoint(url, SERVICE, 30).verify(one)
    assert url in raised.value.where
