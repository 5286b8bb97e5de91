"""The README's figures, measured on this machine: `make bench`. Medians; ratios within one run; bounds beside them."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import yaml
from kfp import compiler
from measure import interleaved, memory, python, seconds
from parity import parity
from step_start import step_start

from fairlead.errors import RunError
from fairlead.images import TABULAR
from fairlead.run.docker_engine import connect, image_ids
from pipelines import chain, fairlead_step, kfp_step

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "pipelines" / "flights.yaml"
STOP = "from fairlead.push.stop_service import stop_service; stop_service('flights-delay')"
RUNTIME = {"_KFP_RUNTIME": "true"}  # as KFP sets it inside a step


def show(figure: str, value: str, bound: str = "") -> None:
    """Prints a line of the table."""
    print(f"  {figure:58}{value:>14}   {bound}", flush=True)


def tax(folder: Path) -> None:
    """The demo by each runner against the same work as one plain script; nothing cached, an empty home each time."""
    config = {**yaml.safe_load(CONFIG.read_text()), "port": 0}
    (folder / "flights.yaml").write_text(yaml.safe_dump(config))
    ways = {"plain script": [sys.executable, str(HERE / "plain_script.py"), str(folder / "flights.yaml"), "{out}"]}
    for runner in ("in-process", "fork", "subprocess", *(["docker"] if containers_run() else [])):
        run = [str(BIN / "fairlead"), "run", "train_and_deploy", "--config", str(folder / "flights.yaml"), "--no-cache"]
        ways[runner] = [*run, "--runner", runner, "--out", "{out}"]
    took = interleaved({name: partial(fresh, command) for name, command in ways.items()})
    plain = took.pop("plain script")
    show("the demo as one plain script", f"{plain:.1f} s")
    for runner, bound in (("in-process", "<= 1.05"), ("fork", "<= 1.35"), ("subprocess", "")):
        show(f"the demo, {runner}", f"{took[runner] / plain:.2f} x", bound)
    if "docker" in took:
        show("the demo, docker against subprocess", f"{took['docker'] / took['subprocess']:.2f} x", "<= 1.5")


def fresh(command: list[str]) -> float:
    """Wall time with an empty home; the service it leaves is stopped."""
    home = Path(tempfile.mkdtemp(prefix="fl-"))
    try:
        filled = [part.replace("{out}", str(home / "out")) for part in command]
        return seconds(filled, times=1, FAIRLEAD_HOME=str(home))
    finally:
        python(STOP, times=1, FAIRLEAD_HOME=str(home))
        shutil.rmtree(home, ignore_errors=True)


def empty_pipeline(folder: Path) -> None:
    """Five steps that add one, from process start to process end."""
    compiler.Compiler().compile(chain(fairlead_step, 5, "empty"), str(folder / "empty.yaml"))
    run = [str(BIN / "fairlead"), "run", str(folder / "empty.yaml"), "--no-cache", "--out", str(folder / "out")]
    (folder / "peer.py").write_text(
        "import sys; from kfp import local; from kfp.components import load_component_from_file\n"
        f"local.init(local.SubprocessRunner(use_venv=False), pipeline_root={str(folder / 'kfp')!r})\n"
        f"load_component_from_file({str(folder / 'empty.yaml')!r})()\n"
    )
    peer = seconds([sys.executable, str(folder / "peer.py")], times=3)
    for runner, bound in (("in-process", "<= 0.25 s"), ("fork", "")):
        show(f"five empty steps, {runner}", f"{seconds([*run, '--runner', runner]):.2f} s", bound)
    show("five empty steps, kfp.local (the peer)", f"{peer:.2f} s")


def starting(_folder: Path) -> None:
    """What a user and a step wait for before anything happens."""
    bare, empty = python("pass"), memory("pass")
    code = "from fairlead.train.component import train_lightgbm"
    show("importing a component", f"{1000 * (python(code) - bare):.0f} ms", "<= 60 ms")
    show("importing a component", f"{memory(code) - empty:.0f} MiB", "<= 25 MiB")
    show("importing kfp (the peer)", f"{1000 * (python('import kfp') - bare):.0f} ms")
    logic = "import kfp.dsl.executor_main; from fairlead.train.train_lightgbm import TrainLightgbmConfig"
    logic += "; TrainLightgbmConfig(target='t', task='regression')"
    show("process start to the first line of a stage's logic", f"{python(logic, **RUNTIME):.2f} s", "<= 0.2 s")
    show("fairlead --help", f"{seconds([str(BIN / 'fairlead'), '--help']):.2f} s", "<= 0.25 s")


def containers_run() -> bool:
    """True when steps can be run in our image here."""
    try:
        image_ids(connect(), [TABULAR])
    except RunError:
        return False
    return True


def step_in_docker(_folder: Path) -> None:
    """Container start to the first line of a step's logic, beside kfp's lightweight component."""
    if not containers_run():
        show("not measured: no Docker engine, or no image (make images)", "")
        return
    took = step_start()
    for way, value in took.items():
        show(way, f"{value:.2f} s")
    ours, *_, peer = took.values()
    show("sooner than the one that installs its libraries", f"{peer / ours:.0f} x", ">= 20")


def on_a_cluster(_folder: Path) -> None:
    """On the cluster that KUBECONFIG names: a rollout under 200 requests a second, and what a step waits for."""
    import on_cluster

    if reason := on_cluster.why_not():
        show(f"not measured: {reason}", "")
        return
    with on_cluster.ClusterHere.lent() as cluster:
        took = on_cluster.rollout(cluster)
        show("push to KServe, candidate to promoted", f"{took['seconds']:.0f} s", "<= 60 s")
        show(f"requests during the rollouts, {took['rate']:.0f} a second", f"{took['asked']:,}", "200 a second")
        show("of them without an answer", f"{took['failed']}", "0")
        show("of them answered by an unverified model", f"{took['unverified']}", "0")
        ours, peer = on_cluster.steps_start(cluster).items()
        for way, (container, pod) in (ours, peer):
            show(f"{way}, from its pod's creation", f"{pod:.1f} s")
            show(f"{way}, from its container's start", f"{container:.2f} s")
        show("sooner, from the pod's creation", f"{peer[1][1] / ours[1][1]:.1f} x")
        show("sooner, from the container's start", f"{peer[1][0] / ours[1][0]:.0f} x", ">= 10")


def compiling(folder: Path) -> None:
    """Two hundred tasks, with our component and with the same one declared by kfp's own decorator."""

    def once(step: object) -> float:
        start = time.perf_counter()
        compiler.Compiler().compile(chain(step, 200, "long"), str(folder / "long.yaml"))
        return time.perf_counter() - start

    took = interleaved({"kfp": partial(once, kfp_step), "fairlead": partial(once, fairlead_step)}, rounds=5)
    show("compiling 200 tasks, against kfp's own component", f"{took['fairlead'] / took['kfp']:.2f} x", "<= 1.1")


def agreement(folder: Path) -> None:
    """The served graph against the trained model, over the whole test split."""
    run = [str(BIN / "fairlead"), "run", "train_and_deploy", "--config", str(CONFIG), "--set", "port=0"]
    seconds([*run, "--out", str(folder / "parity")], times=1, FAIRLEAD_HOME=str(folder))
    python(STOP, times=1, FAIRLEAD_HOME=str(folder))
    difference, rows = parity(
        folder / "parity" / "train-lightgbm" / "model", folder / "parity" / "split-table" / "test"
    )
    show(f"max |ONNX - LightGBM| over {rows:,} rows", f"{difference:.1e} min")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fl-") as place:
        for part in (starting, compiling, empty_pipeline, step_in_docker, on_a_cluster, tax, agreement):
            print(part.__doc__)
            part(Path(place))
