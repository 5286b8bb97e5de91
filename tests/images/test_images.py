"""The images as Kubernetes' PodSecurity `restricted` runs them: no root, no capability, no writing, no network."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import served_models
from fairlead import __version__
from fairlead.artifacts.golden import check_golden_answer, golden_request
from fairlead.images import MLFLOW, PREDICTOR, TABULAR
from fairlead.run.docker_engine import connect, image_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.artifacts.bundle import ModelBundle

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
SHUT_IN = (
    "--rm",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
    "--tmpfs=/tmp",
)
IMAGES = {"python-tabular": TABULAR, "predictor": PREDICTOR, "mlflow": MLFLOW}
SITE = "/opt/fairlead/lib/python3.11/site-packages"
LISTED = (
    f"import importlib.metadata as m; print(*(d.name + '==' + d.version for d in m.distributions(path=['{SITE}'])))"
)


@pytest.fixture(params=IMAGES, scope="module")
def target(request: pytest.FixtureRequest) -> str:
    """A target whose image is there; the suite builds none but says how."""
    image_ids(connect(), [IMAGES[request.param]])
    return str(request.param)


def inside(target: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in a container that is shut in."""
    words = ["docker", "run", *SHUT_IN, f"--entrypoint={command[0]}", IMAGES[target], *command[1:]]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)


def said(target: str, *command: str) -> str:
    done = inside(target, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def config(target: str) -> dict[str, Any]:
    attributes: dict[str, Any] = connect().images.get(IMAGES[target]).attrs
    return {**attributes["Config"], "Size": attributes["Size"]}


def test_it_runs_as_a_user_that_kubernetes_can_tell_is_not_root(target: str) -> None:
    assert config(target)["User"] == "1000:1000"
    assert said(target, "id", "-u").strip() == "1000"


def test_it_has_no_capability_and_gains_none(target: str) -> None:
    status = said(target, "cat", "/proc/self/status")
    assert re.findall(r"Cap(?:Prm|Eff|Bnd):\s+(\w+)", status) == ["0" * 16] * 3
    assert re.findall(r"NoNewPrivs:\s+(\d)", status) == ["1"]


def test_it_writes_to_tmp_alone(target: str) -> None:
    assert said(target, "sh", "-c", "touch $HOME/x && echo $HOME").strip() == "/tmp"  # noqa: S108 - the container's own
    for place in ("/opt/fairlead/x", "/x", "/var/x", "/home/x"):
        assert inside(target, "touch", place).returncode != 0
    writable = said(target, "sh", "-c", "find / -xdev -type d -writable -not -path '/tmp*' 2>/dev/null || true")
    assert writable.split() == []


def test_a_stages_libraries_load_shut_in() -> None:
    libraries = "duckdb, lightgbm, matplotlib.pyplot, mlflow.onnx, onnxruntime, pyarrow.parquet, skops.io, sklearn"
    said("python-tabular", "python", "-c", f"import {libraries}")


def test_the_predictor_carries_what_it_needs_and_nothing_of_a_pipeline() -> None:
    said("predictor", "python", "-c", "import fairlead.serve.app, fairlead.serve.server, onnxruntime")
    for module in ("kfp", "duckdb", "pyarrow", "mlflow", "lightgbm", "sklearn", "pandas", "typer"):
        assert "ModuleNotFoundError" in inside("predictor", "python", "-c", f"import {module}").stderr


def test_a_damaged_or_missing_model_is_told_in_plain_words() -> None:
    done = subprocess.run(
        ["docker", "run", *SHUT_IN, PREDICTOR], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4
    assert done.stderr.startswith("error: ")
    assert "/mnt/models" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def serving(bundle: ModelBundle, *options: str) -> Iterator[str]:
    """A predictor as KServe starts it: the runtime's arguments, the model read-only; gives the container's name."""
    for path in (bundle.path, *bundle.path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # as the storage initializer, another user, leaves them
    words = ["--model", "/mnt/models", "--name", "flights", "--port", "8080", "--drain", "20"]
    mount = f"--volume={bundle.path}:/mnt/models:ro"
    done = subprocess.run(
        ["docker", "run", "--detach", *options, mount, PREDICTOR, *words], capture_output=True, text=True, check=True
    )
    container = done.stdout.strip()
    try:
        yield container
    finally:
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=True)


def test_the_predictor_serves_as_any_user_with_nothing_to_write_to(tmp_path: Path) -> None:
    """A uid like OpenShift's, without a name, a home or even /tmp; half a CPU and little memory."""
    bundle = served_models.classification(tmp_path / "model")
    shut_in = [word for word in SHUT_IN if word not in ("--rm", "--tmpfs=/tmp")]
    limits = ["--user=1000730000:0", "--env=HOME=/", "--cpus=0.5", "--memory=256m", "--pids-limit=50"]
    code = f"""
import http.client, json, time
body = {golden_request(bundle)!r}
for attempt in range(200):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
    try:
        connection.request("POST", "/v2/models/flights/infer", body)
        print(connection.getresponse().read().decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
"""
    with serving(bundle, *shut_in, *limits) as container:
        ask = ["docker", "exec", container, "python", "-c", code]
        answer = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout
        check_golden_answer(bundle, json.loads(answer), container)
        subprocess.run(["docker", "stop", "--time=15", container], capture_output=True, check=True)
        state = connect().containers.get(container).attrs["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)  # SIGTERM, as the first process of its namespace
        said = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
        assert (said.stdout, said.stderr) == ("serving flights on http://0.0.0.0:8080\n", "")


def test_mlflows_server_keeps_a_run_and_its_files_shut_in() -> None:
    """Without what its wheel asks for and mlflow.excludes leaves out; in /tmp alone, beside drivers for real stores."""
    code = """
import json, os, subprocess, time, urllib.request as u
import boto3, psycopg, pymysql
server = subprocess.Popen(["mlflow", "server", "--port", "5000", "--workers", "1"])
def ask(path, body=None, method=None):
    request = u.Request("http://127.0.0.1:5000" + path, body, {"Content-Type": "application/json"}, method=method)
    return u.urlopen(request, timeout=30).read()
for attempt in range(300):
    try:
        ask("/health")
        break
    except OSError:
        assert server.poll() is None
        time.sleep(0.2)
run = json.loads(ask("/api/2.0/mlflow/runs/create", json.dumps({"experiment_id": "0"}).encode()))["run"]["info"]
file = f"/api/2.0/mlflow-artifacts/artifacts/0/{run['run_id']}/artifacts/a.txt"
ask(file, b"kept", "PUT")
print(run["status"], ask(file).decode(), b"<title>" in ask("/"))
server.terminate()
server.wait(30)
"""
    environment = ["MLFLOW_BACKEND_STORE_URI=sqlite:////tmp/m.db", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"]
    assert said("mlflow", "env", *environment, "python", "-c", code).splitlines()[-1] == "RUNNING kept True"


def test_its_packages_are_the_locks_and_our_wheel(target: str) -> None:
    lock = (ROOT / f"components/images/{target}.lock").read_text("utf-8")
    locked = {f"{name}=={version}" for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, re.MULTILINE)}
    there = {name(item) for item in said(target, "python", "-c", LISTED).split()}
    ours = set() if target == "mlflow" else {f"fairlead=={__version__}"}
    assert there == {name(item) for item in locked} | ours


def name(package: str) -> str:
    return re.sub(r"[-_.]+(?=[^=]*==)", "-", package).lower()


def test_every_locked_package_has_a_hash(target: str) -> None:
    lock = (ROOT / f"components/images/{target}.lock").read_text("utf-8")
    packages = re.split(r"\n(?=[\w])", lock.strip())
    assert all("--hash=sha256:" in package for package in packages)


def test_there_is_no_compiler_no_cache_and_no_pip_of_ours(target: str) -> None:
    for program in ("gcc", "cc", "g++", "ld", "make", "uv"):
        assert inside(target, "which", program).returncode != 0, program
    found = said(target, "sh", "-c", f"ls -d ~root/.cache /.cache {SITE}/pip {SITE}/setuptools 2>/dev/null || true")
    assert found == ""


def test_byte_code_is_there_for_what_a_step_imports() -> None:
    code = f"""
import sys
import kfp.dsl.executor_main, duckdb, lightgbm, mlflow.onnx, pyarrow.parquet, sklearn.linear_model
files = [f for m in list(sys.modules.values()) if (f := getattr(m, "__file__", None) or "").startswith("{SITE}")]
print(sum(bool(m.__spec__ and m.__spec__.cached and __import__("os").path.exists(m.__spec__.cached))
          for m in list(sys.modules.values()) if (getattr(m, "__file__", None) or "") in set(files)) / len(files))
"""
    assert float(said("python-tabular", "env", "_KFP_RUNTIME=true", "python", "-c", code)) >= 0.9


@pytest.mark.parametrize(("target_", "most"), [("python-tabular", 550), ("predictor", 200), ("mlflow", 320)])
def test_its_size_above_the_base_is_within_bounds(target_: str, most: int) -> None:
    base = connect().images.get("python:3.11-slim").attrs["Size"]
    assert (config(target_)["Size"] - base) / 1e6 <= most


def test_its_labels_say_what_it_is(target: str) -> None:
    labels = config(target)["Labels"]
    told = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert told["version"] == __version__
    assert told["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", told["revision"])
    assert told["title"].startswith("Fairlead ")
    assert told["source"].startswith("https://")


def test_a_step_image_has_no_entrypoint_and_a_server_its_own() -> None:
    assert config("python-tabular")["Entrypoint"] is None
    assert config("predictor")["Entrypoint"] == ["python", "-m", "fairlead.serve"]
    assert config("mlflow")["Entrypoint"] == ["mlflow", "server"]


def test_its_sbom_lists_each_package(target: str, tmp_path: Path) -> None:
    import sys

    place = tmp_path / "sbom.json"
    subprocess.run([sys.executable, ROOT / "scripts/sbom", IMAGES[target], place], check=True, timeout=120)
    bom = json.loads(place.read_text())
    assert bom["bomFormat"] == "CycloneDX"
    listed = {name(f"{c['name']}=={c['version']}") for c in bom["components"] if c["purl"].startswith("pkg:pypi/")}
    assert listed == {name(item) for item in said(target, "python", "-c", LISTED).split()}
    again = tmp_path / "again.json"
    subprocess.run([sys.executable, ROOT / "scripts/sbom", IMAGES[target], again], check=True, timeout=120)
    assert again.read_bytes() == place.read_bytes()
