"""A push is a promise: nothing gets traffic before it has given the golden answers, and what fails changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from services import SERVICE, Load, Services, pusher, wait_for

import served_models
from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ArtifactError, ConfigError, FairleadError, ServeError
from fairlead.push.push_model import PushModelConfig, PushResult, push_model
from fairlead.push.stop_service import stop_service

if TYPE_CHECKING:
    from pathlib import Path


def push(model: ModelBundle, **config: Any) -> PushResult:
    return push_model(model.path, PushModelConfig(service=SERVICE, **config))


def test_the_first_push(services: Services, one: ModelBundle) -> None:
    result = push(one)
    assert (result.action, result.fingerprint, result.previous) == ("created", one.fingerprint, "")
    assert services.ask() == (one.fingerprint, 1.0)
    assert services.predictors() == [services.state["pid"]]
    assert os.getsid(services.state["pid"]) == services.state["pid"]  # it outlives the terminal
    assert stat.S_IMODE(services.path.stat().st_mode) == 0o700


def test_the_curl_line_works(services: Services, tmp_path: Path) -> None:
    model = served_models.classification(tmp_path / "it's here")
    done = subprocess.run(push(model).curl, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - the user's shell
    assert json.loads(done.stdout) == {"predictions": model.golden["outputs"]["prediction"][:1]}
    assert services.predictors()


def test_the_served_copy_needs_no_original(services: Services, tmp_path: Path) -> None:
    model = served_models.regression(tmp_path / "model")
    push(model)
    shutil.rmtree(tmp_path / "model")
    copy = ModelBundle.open(services.path / "models" / model.fingerprint)
    os.kill(services.state["pid"], signal.SIGKILL)
    assert push(copy).action == "updated"


def test_the_same_push_changes_nothing(services: Services, one: ModelBundle) -> None:
    first, pid = push(one), services.predictors()
    second = push(one)
    assert (second.action, second.url, services.predictors()) == ("unchanged", first.url, pid)


def test_updates_under_load_lose_no_request(services: Services, one: ModelBundle, two: ModelBundle) -> None:
    url = push(one).url
    with Load.on(url) as load:
        for model, before in ((two, one), (one, two), (two, one)):
            result = push(model)
            assert (result.action, result.url, result.previous) == ("updated", url, before.fingerprint)
            assert services.ask()[0] == model.fingerprint
            assert services.predictors() == [services.state["pid"]]
    assert load.failures == []
    assert load.answers == {(one.fingerprint, 1.0), (two.fingerprint, 2.0)}


@pytest.mark.parametrize(
    ("golden", "words"),
    [
        ([0.0, 2.0, 1.0, 0.0, 0.0], "row 0, prediction: 1.1, golden 0.0"),
        (
            [1.1, 1402.25, None, -3e-7, 1e17 + 16],
            "row 4, prediction: 1e+17, golden 1.0000000000000002e+17; 1 wrong rows",
        ),
        ([1.1, 1402.25, 0.0, -3e-7, 1e17], "row 2, prediction: None, golden 0.0; 1 wrong rows"),
        ([1.1, 1402.25], "prediction: 5 values, golden 2"),
    ],
)
def test_a_wrong_answer_is_rolled_back(
    services: Services, one: ModelBundle, tmp_path: Path, golden: list[float], words: str
) -> None:
    liar = served_models.regression(tmp_path / "liar", slope=1.0, golden=golden)
    with Load.on(push(one).url) as load:
        before = services.state
        with pytest.raises(ServeError, match="the predictor ended") as raised:  # before it listened
            push(liar)
        assert services.ask() == (one.fingerprint, 1.0)
    assert "error: the predictor does not give the golden answers" in raised.value.got
    assert words in raised.value.got
    assert f"{one.fingerprint[:12]} serves on; ask it: curl" in raised.value.do
    assert (services.state, services.predictors()) == (before, [before["pid"]])
    assert (load.failures, load.answers) == ([], {(one.fingerprint, 1.0)})


def test_a_wrong_probability_names_its_class(services: Services, tmp_path: Path) -> None:
    model = served_models.classification(tmp_path / "model")
    outputs = model.golden["outputs"]
    outputs["probabilities"][1][2] = 0.5
    liar = served_models.remade(model, tmp_path / "liar", golden={**model.golden, "outputs": outputs})
    with pytest.raises(ServeError) as raised:
        push(liar)
    assert "row 1, probabilities['ütile']: " in raised.value.got
    assert (services.predictors(), (services.path / "state.json").exists()) == ([], False)


@pytest.mark.parametrize("golden", [{}, {"inputs": {}, "outputs": {}}, {"inputs": {"distance": [], "carrier": []}}])
def test_no_golden_rows_no_promise(
    services: Services, one: ModelBundle, tmp_path: Path, golden: dict[str, Any]
) -> None:
    with pytest.raises(ArtifactError, match="no golden rows"):
        push(served_models.remade(one, tmp_path / "silent", golden=golden))
    assert services.predictors() == []


def test_a_damaged_bundle_starts_nothing(services: Services, tmp_path: Path) -> None:
    model = served_models.regression(tmp_path / "model")
    model.onnx.write_bytes(b"")
    with pytest.raises(ArtifactError, match="changed or cut off"):
        push(model)
    assert (services.predictors(), services.path.exists()) == ([], False)


def test_a_graph_that_does_not_load_is_told_with_the_log(services: Services, one: ModelBundle, tmp_path: Path) -> None:
    push(one)
    with pytest.raises(ServeError, match="the predictor ended") as raised:
        push(served_models.remade(one, tmp_path / "junk", onnx=b"junk"))
    assert "error: the ONNX graph does not load" in raised.value.got
    assert (services.ask(), len(services.predictors())) == ((one.fingerprint, 1.0), 1)


def test_a_start_that_takes_too_long(services: Services, one: ModelBundle) -> None:
    with pytest.raises(ServeError, match="does not react") as raised:
        push(one, timeout=0.01)
    assert "longer timeout" in raised.value.do
    wait_for(lambda: not services.predictors(), "the candidate is still there")


def test_a_port_in_use(services: Services, one: ModelBundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match="cannot listen") as raised:
            push(one, port=port)
    assert raised.value.where == f"127.0.0.1:{port}"
    assert services.predictors() == []
    assert push(one, port=port).url == f"http://127.0.0.1:{port}"


def test_another_address_moves_the_service(services: Services, one: ModelBundle) -> None:
    old = push(one)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert push(one, port=port).action == "updated"
    assert (services.state["port"], services.ask()[0], len(services.predictors())) == (port, one.fingerprint, 1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(old.url.rpartition(":")[2])))


@pytest.mark.parametrize("name", ["", "Flights", "flights_1", "-flights", "flights-", "1flights", "../x", "a" * 64])
def test_a_name_that_is_no_dns_label(services: Services, one: ModelBundle, name: str) -> None:
    with pytest.raises(ConfigError):
        push_model(one.path, PushModelConfig(service=name))
    assert not services.path.parent.exists()


def test_a_server_that_died_is_restored(services: Services, one: ModelBundle) -> None:
    first = push(one)
    os.kill(services.state["pid"], signal.SIGKILL)
    second = push(one)
    assert (second.action, second.url, second.previous) == ("updated", first.url, "")
    assert services.ask() == (one.fingerprint, 1.0)


def test_a_server_that_hangs_is_not_killed(services: Services, one: ModelBundle, two: ModelBundle) -> None:
    push(one)
    pid = services.state["pid"]
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ServeError, match="does not react") as raised:
        push(two, timeout=5)
    os.kill(pid, signal.SIGCONT)
    assert f"kill -9 {pid}" in raised.value.do
    assert (services.ask(), services.predictors()) == ((one.fingerprint, 1.0), [pid])


def test_a_deep_directory(one: ModelBundle, services: Services) -> None:
    deep = services.home.joinpath(*["a-long-name-for-a-directory"] * 8)
    assert push(one, state=str(deep)).action == "created"
    assert push(one, state=str(deep)).action == "unchanged"
    assert stop_service(SERVICE, str(deep))


def test_a_place_that_cannot_be_written(services: Services, one: ModelBundle) -> None:
    services.home.joinpath("services").write_text("a file")
    with pytest.raises(ServeError, match="cannot be written"):
        push(one)


def test_a_damaged_record_stops_nothing(services: Services, one: ModelBundle) -> None:
    push(one)
    state, pids = services.path / "state.json", services.predictors()
    for damage in ('{"process": ', '{"proces": "x"}', "[]"):
        state.write_text(damage)
        with pytest.raises(FairleadError) as raised:
            push(one)
        assert str(state) in raised.value.where
        assert services.predictors() == pids


def test_two_pushes_at_once_wait_for_each_other(services: Services, one: ModelBundle, two: ModelBundle) -> None:
    with Load.on(push(one).url) as load:
        with pusher(two.path) as first, pusher(one.path) as second, pusher(two.path) as third:
            said = [process.communicate()[0].strip() for process in (first, second, third)]
        assert services.predictors() == [services.state["pid"]]
    assert set(said) <= {"updated", "unchanged"}
    assert [process.returncode for process in (first, second, third)] == [0, 0, 0]
    assert services.ask()[0] == services.state["fingerprint"]
    assert (load.failures, len(load.answers)) == ([], 2)


def test_only_the_last_two_models_are_kept(services: Services, one: ModelBundle, tmp_path: Path) -> None:
    for slope in (3.0, 4.0, 1.0, 5.0):
        push(served_models.regression(tmp_path / str(slope), slope=slope))
    push(one)
    push(one)
    kept = {path.name for path in (services.path / "models").iterdir()}
    assert kept == {one.fingerprint, services.state["previous"]}


def test_stop_and_start_again(services: Services, one: ModelBundle) -> None:
    first = push(one)
    assert stop_service(SERVICE)
    assert services.predictors() == []
    assert not stop_service(SERVICE)
    again = push(one)
    assert (again.action, again.url) == ("created", first.url)


def test_stop_finishes_requests(services: Services, one: ModelBundle) -> None:
    push(one)
    body = b'{"instances": [[1.0, "UA"]]}'
    head = f"POST /v1/models/{SERVICE}:predict HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n"
    port = services.state["port"]
    with socket.create_connection(("127.0.0.1", port)) as client, ThreadPoolExecutor(1) as pool:
        client.sendall(head.encode() + body[:3])
        stopped = pool.submit(stop_service, SERVICE)
        wait_for(lambda: not services.holders(port), "it still listens")
        client.sendall(body[3:])
        with client.makefile("rb") as answer:  # to the end: a server that drains closes the connection
            assert answer.read().endswith(b'{"predictions":[2.0]}')
        assert stopped.result()
    assert services.predictors() == []


def test_there_is_no_such_service(services: Services, one: ModelBundle) -> None:
    push(one)
    with pytest.raises(ServeError, match="there is no service 'fligths'") as raised:
        stop_service("fligths")
    assert SERVICE in raised.value.got
    assert services.predictors()


def test_the_component(services: Services, one: ModelBundle) -> None:
    from kfp.dsl import Model

    from fairlead.push.component import push_model as component

    url, action, curl = component.__wrapped__(Model(uri=str(one.path)), SERVICE)
    assert (url, action) == (f"http://127.0.0.1:{services.state['port']}", "created")
    assert url in curl
