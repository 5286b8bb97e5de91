"""The predictor as a process: how it starts, stays up, refuses to start, and ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from predictor import NAME, Predictor, command

import served_models

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle

ROW = {"distance": 1.5, "carrier": "UA"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return served_models.regression(tmp_path_factory.mktemp("bundles") / "model")


def refusal(*words: str) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_damaged_bundle_is_not_served(tmp_path: Path) -> None:
    model = served_models.regression(tmp_path / "model")
    with model.onnx.open("ab") as stream:
        stream.write(b"x")
    code, words = refusal(*command(model.path, "--port", "0"))
    assert code == 4
    assert "model.onnx" in words
    assert words.startswith("error: a file of the artifact was changed or cut off")


def test_no_bundle_is_not_served(tmp_path: Path) -> None:
    code, words = refusal(*command(tmp_path / "nothing", "--port", "0"))
    assert (code, "there is no model here" in words) == (4, True)


@pytest.mark.parametrize("port", ["taken", "70000"])
def test_a_port_that_cannot_be_had(model: ModelBundle, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        port = taken if port == "taken" else port
        code, words = refusal(*command(model.path, "--port", port))
    assert (code, f"127.0.0.1:{port}" in words) == (6, True)


def test_a_model_that_answers_wrongly_never_listens(tmp_path: Path) -> None:
    liar = served_models.regression(tmp_path / "liar", golden=[1.2, 2802.0, None, -6e-7, 2e17], times=2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    words = command(liar.path, "--port", str(port))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        greeting, error = process.communicate()
    assert (process.returncode, greeting) == (6, "")
    assert error.startswith("error: the predictor does not give the golden answers\n")
    assert f"where:   {liar.path}" in error
    assert "got:     row 1, prediction: 2802.5, golden 2802.0; 2 wrong rows" in error
    assert "do next: make the bundle again" in error


@pytest.mark.parametrize("golden", [{}, {"inputs": {"distance": [], "carrier": []}, "outputs": {"prediction": []}}])
def test_a_model_without_proof_is_not_served(model: ModelBundle, tmp_path: Path, golden: dict[str, Any]) -> None:
    silent = served_models.remade(model, tmp_path / "silent", golden=golden)
    code, words = refusal(*command(silent.path, "--port", "0"))
    assert (code, "no golden rows" in words, "golden.json" in words) == (4, True, True)


def test_a_model_that_fails_when_it_is_asked(model: ModelBundle, tmp_path: Path) -> None:
    """Its graph loads, and then wants seven rows."""
    broken = served_models.remade(model, tmp_path / "broken", onnx=served_models.wants_seven_rows())
    code, words = refusal(*command(broken.path, "--port", "0"))
    assert code == 6
    assert "error: the predictor cannot answer the golden rows" in words
    assert str(broken.path) in words


def test_golden_rows_that_the_signature_refuses(model: ModelBundle, tmp_path: Path) -> None:
    golden = {**model.golden, "inputs": {"distance": ["far"], "carrier": ["UA"]}}
    odd = served_models.remade(model, tmp_path / "odd", golden=golden)
    code, words = refusal(*command(odd.path, "--port", "0"))
    assert (code, "feature 'distance' takes numbers; got 'far'" in words) == (6, True)


def imported(code: str, names: tuple[str, ...]) -> list[str]:
    """Those of the modules that a fresh process has after running the code."""
    code = f"import sys\n{code}\nprint(*[name for name in {names} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_image_stays_small(model: ModelBundle) -> None:
    code = f"""
from pathlib import Path
from fairlead.serve import __main__, app, control, server, served_model
app.Predictor(served_model.ServedModel.load(Path({str(model.path)!r}), "m"), 9).app()
"""
    assert imported(code, ("pyarrow", "duckdb", "pandas", "kfp", "mlflow", "sklearn", "lightgbm", "onnx")) == []


def test_the_command_line_is_read_at_once() -> None:
    assert imported("import fairlead.serve.__main__", ("numpy", "onnxruntime", "uvicorn", "pydantic")) == []


@pytest.mark.parametrize("known", [True, False], ids=["with length", "in chunks"])
def test_a_body_that_is_too_large(model: ModelBundle, *, known: bool) -> None:
    with Predictor.start(model, "--max-body", "1") as predictor:
        body = b'{"instances": [' + b" " * 1_100_000 + b"]}"
        sent = body if known else iter([body[:600_000], body[600_000:]])
        with predictor.connect() as connection:
            connection.request("POST", f"/v1/models/{NAME}:predict", sent)
            response = connection.getresponse()
            assert (response.status, "above 1,048,576 bytes" in json.loads(response.read())["error"]) == (413, True)
        assert predictor.predict([ROW]).status == 200


def test_health_answers_during_long_requests(model: ModelBundle) -> None:
    rows = [ROW] * 300_000
    with Predictor.start(model) as predictor, ThreadPoolExecutor(1) as pool:
        long = pool.submit(predictor.predict, rows)
        while not long.done():
            assert predictor.ask("GET", "/v2/health/ready").status == 200
        assert len(long.result().json["predictions"]) == len(rows)


def test_sigterm_finishes_what_was_begun(model: ModelBundle) -> None:
    body = json.dumps({"instances": [ROW]}).encode()
    with Predictor.start(model) as predictor, predictor.connect() as begun, predictor.connect() as resting:
        begun.putrequest("POST", f"/v1/models/{NAME}:predict")
        begun.putheader("Content-Length", str(len(body)))
        begun.endheaders(body[:5])
        resting.request("GET", "/")
        resting.getresponse().read()
        predictor.process.send_signal(signal.SIGTERM)
        wait_until_refused(predictor)
        resting.request("GET", "/")  # a client that keeps its connection is answered once more, and told to leave
        with resting.getresponse() as response:
            assert (response.status, response.headers["connection"]) == (200, "close")
        begun.send(body[5:])
        with begun.getresponse() as response:
            assert json.loads(response.read()) == {"predictions": [4.0]}
        assert predictor.process.wait(10) == 0


def wait_until_refused(predictor: Predictor) -> None:
    host, port = predictor.address.split(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # it closed between the kernel's greeting and this client


def test_a_silent_connection_does_not_hold_the_end(model: ModelBundle) -> None:
    with Predictor.start(model, "--drain", "0.2") as predictor:
        host, port = predictor.address.split(":")
        with socket.create_connection((host, int(port))) as silent:
            silent.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
            predictor.process.send_signal(signal.SIGTERM)
            assert predictor.process.wait(10) == 0
