"""The docker runner on a real engine: how a step is shut in, and what a user is told when it cannot run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import docker
import docker_samples
import pytest
from docker.errors import APIError

from fairlead.errors import ConfigError, RunError
from fairlead.images import TABULAR
from fairlead.run import docker_engine
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fairlead.run.result import RunResult
    from s3_here import S3

    Run = Callable[..., RunResult]

in_docker = pytest.mark.docker
#: The docker package leaves its socket to the collector when nobody answers.
SOCKETS_OF_DOCKER = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
OTHER_IMAGE = "fairlead-test/python-other:1"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a sample in Docker; `image` stands in for the one that it names."""

    def run_sample(
        name: str, *, image: str = TABULAR, memory: str = "", cache: bool = False, **values: Any
    ) -> RunResult:
        ir = tmp_path / f"{name}.yaml"
        load_compiler()().compile(getattr(docker_samples, name), str(ir))
        ir.write_text(ir.read_text().replace(TABULAR, image))
        kept = tmp_path / "cache" if cache else None
        return run_pipeline(ir, runner="docker", parameters=values, out=tmp_path / "out", cache=kept, memory=memory)

    return run_sample


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def other_image(client: docker.DockerClient) -> Iterator[Callable[[str], None]]:
    """Gives OTHER_IMAGE another content."""

    def build(content: str) -> None:
        container = client.containers.create(TABULAR, ["true"], labels={"content": content})
        container.commit(*OTHER_IMAGE.split(":"), changes=f"LABEL content={content}")
        container.remove()

    yield build
    with suppress(APIError):
        client.images.remove(OTHER_IMAGE)


@in_docker
def test_a_step_is_shut_in(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    seen, hidden = tmp_path / "seen.csv", tmp_path / "hidden.csv"
    seen.write_text("a\n1\n")
    hidden.write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    found = run("looking", files=["seen.csv", str(tmp_path), "x" * 5000, "\0", "~nobody-here"]).outputs["Output"]
    uid = os.getuid() or 1000
    assert found["user"] == f"{uid}:{os.getgid() or 1000}"
    assert found["capabilities"] == ["0" * 16] * 5
    assert found["no_new_privileges"] == "1"
    assert found["written"] == ["/tmp"]  # noqa: S108 - the container's own
    assert found["interfaces"] == ["lo"]
    assert found["folder"] == str(tmp_path)
    assert "MLFLOW_TRACKING_PASSWORD" not in found["variables"]


@in_docker
def test_a_step_sees_the_files_that_its_parameters_name_and_no_other(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("named.csv", "home.csv", "whole.csv", "other.csv"):
        (tmp_path / name).write_text("a\n1\n")
    given = ["named.csv", "~/home.csv", str(tmp_path / "whole.csv"), "missing.csv"]
    assert run("looking", files=given).outputs["Output"]["seen"] == given[:3]
    assert not (tmp_path / "missing.csv").exists()


@in_docker
def test_the_network_is_off_unless_it_is_the_step_s_job(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=answer)
        thread.start()
        tasks = run("calling", port=server.getsockname()[1]).tasks
        thread.join(60)
    assert tasks["call"].parameters == {"Output": "ConnectionRefusedError"}
    assert tasks["call-2"].parameters == {"Output": "hello"}


@in_docker
def test_a_step_whose_parameters_name_an_object_reaches_the_store(run: Run, s3: S3) -> None:
    (s3.data / "bucket" / "t.csv").write_text("a\n1\n")
    data = run("ingesting", sources={"t": "s3://bucket/t.csv"}).tasks["ingest-table"].artifacts["data"]
    assert data.metadata["rows"] == 1


@in_docker
def test_an_input_is_read_only_and_outputs_are_the_caller_s(run: Run) -> None:
    result = run("spoiling")
    assert result.outputs == {"Output": "Read-only file system"}
    data = result.tasks["make"].artifacts["data"].path
    assert {path.stat().st_uid for path in (data, data / "rows.txt")} == {os.getuid()}


@in_docker
def test_a_step_that_needs_the_machine_runs_on_it(run: Run) -> None:
    tasks = run("asking").tasks
    assert tasks["who"].parameters["Output"] != os.getpid()
    assert tasks["who-2"].parameters["Output"] == os.getpid()


@in_docker
def test_out_of_memory_is_called_so_and_a_later_run_takes_up_what_was_finished(run: Run) -> None:
    with pytest.raises(RunError, match="step 'eat' failed") as caught:
        run("eating", megabytes=400, memory="100m", cache=True)
    assert "memory ran out (OOM)" in caught.value.got
    assert "its limit of 100 MiB" in caught.value.got
    assert "--memory" in caught.value.got
    result = run("eating", megabytes=400, memory="1g", cache=True)
    assert {name: task.state for name, task in result.tasks.items()} == {"make": "cached", "eat": "succeeded"}


@in_docker
def test_another_image_of_the_same_name_is_another_step(run: Run, other_image: Callable[[str], None]) -> None:
    other_image("one")
    assert run("spoiling", image=OTHER_IMAGE, cache=True).tasks["make"].state == "succeeded"
    assert run("spoiling", image=OTHER_IMAGE, cache=True).tasks["make"].state == "cached"
    other_image("two")
    assert run("spoiling", image=OTHER_IMAGE, cache=True).tasks["make"].state == "succeeded"


@in_docker
def test_what_an_image_s_package_gave_is_found_again(run: Run) -> None:
    assert run("reading_package", cache=True).tasks["read-package"].state == "succeeded"
    assert run("reading_package", cache=True).tasks["read-package"].state == "cached"


@in_docker
@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            "fairlead/python-tabular:9.9.9",
            ["not on this machine", "9.9.9", "scripts/build_images --target python-tabular"],
        ),
        ("localhost:1/fairlead/python-tabular:0.1.0", ["its registry does not give it", "localhost:1", "docker login"]),
        ("No/Such:Image:At:All", ["refused"]),
    ],
)
def test_an_image_that_is_not_there_is_named_before_any_step_runs(
    run: Run, tmp_path: Path, image: str, words: list[str]
) -> None:
    with pytest.raises(RunError) as caught:
        run("spoiling", image=image)
    assert [word for word in words if word not in str(caught.value)] == []
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings(SOCKETS_OF_DOCKER)
def test_no_engine_is_told_with_its_address(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"unix://{tmp_path}/none.sock", "tcp://127.0.0.1:1", "nonsense://x"):
        monkeypatch.setenv("DOCKER_HOST", address)
        with pytest.raises(RunError, match="no Docker engine answers") as caught:
            run("spoiling")
        assert caught.value.where == address
        assert "systemctl start docker" in caught.value.do


@in_docker
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming a user without rights needs root")
def test_an_engine_without_rights_is_told() -> None:
    program = (
        "import os, docker; from fairlead.run.docker_engine import connect; import fairlead.images\n"
        "try: docker.from_env(timeout=1, version='1.41').close()\nfinally: os.setgroups([]), os.setuid(65534)\n"
        "connect()"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/")
    assert "RunError: the Docker engine does not let this user in" in told.stderr
    assert "usermod -aG docker" in told.stderr


@pytest.mark.parametrize("memory", ["lots", "-1g", "0", "2 g b", "2x", "5m"])
@in_docker
def test_a_memory_that_is_no_amount_is_told(run: Run, memory: str) -> None:
    with pytest.raises(ConfigError, match="--memory takes a number and a unit"):
        run("spoiling", memory=memory)


def test_only_containers_have_a_limit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only containers have a memory limit"):
        run_pipeline(tmp_path / "none.yaml", runner="fork", parameters={}, out=tmp_path / "out", memory="1g")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("mkdir /var/lib/docker/overlay2/1: no space left on device", ["disk is full", "docker system prune"]),
        ("invalid mount config: bind source path does not exist: /x", ["does not see this machine's files"]),
        ("something new", ["refused to run it", "something new"]),
    ],
)
def test_what_the_engine_refuses_is_told(said: str, words: list[str]) -> None:
    told = str(docker_engine.refusal(APIError("500 Server Error", explanation=said)))
    assert [word for word in words if word not in told] == []


PROGRAM = """
import sys
from pathlib import Path
from fairlead.run.progress import progress
from fairlead.run.runner import run_pipeline
ir, out, started = sys.argv[1:]
run_pipeline(Path(ir), runner="docker", parameters={"started": started}, out=Path(out), listener=progress())
"""


@pytest.fixture
def begun(compiled: Callable[[str], Path], fairlead_home: Path, tmp_path: Path) -> subprocess.Popen[str]:
    """A run whose second step waits for ever."""
    started = fairlead_home / "started"
    command = [sys.executable, "-c", PROGRAM, str(compiled("waiting")), str(tmp_path / "out"), str(started)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not started.exists():
        assert time.monotonic() < deadline, "waited too long"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


def containers_of(client: docker.DockerClient, process: subprocess.Popen[str]) -> list[Any]:
    label = f"{docker_engine.LABEL}={socket.gethostname()}:{process.pid}"
    found: list[Any] = client.containers.list(all=True, filters={"label": label})
    return found


@in_docker
def test_ctrl_c_removes_the_container_and_keeps_what_is_finished(
    begun: subprocess.Popen[str], client: docker.DockerClient, tmp_path: Path
) -> None:
    assert len(containers_of(client, begun)) == 1
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == -signal.SIGINT
    assert "waiting: interrupted; finished steps are kept" in said
    assert containers_of(client, begun) == []
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [task["name"] for task in told["tasks"]] == ["make"]
    assert not list((tmp_path / "out").glob(".draft*"))


@in_docker
def test_what_a_killed_run_left_running_is_removed_by_the_next(
    begun: subprocess.Popen[str], client: docker.DockerClient
) -> None:
    begun.kill()
    begun.communicate(timeout=60)
    assert len(containers_of(client, begun)) == 1
    docker_engine.sweep(client)
    assert containers_of(client, begun) == []
