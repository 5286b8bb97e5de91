"""The doctor on a cluster where one thing after the other is broken: its line names it, and its command mends it."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pyarrow.fs import FileSelector

from doctor_says import Said, doctor, start
from fairlead.doctor.probe_step import LAUNCHER, MLFLOW, START, STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster_here import ClusterHere

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
ROUNDS = 6
KEYS = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
STORE = "http://minio-service.kubeflow:9000"
OWN = {"secrets": {"mlpipeline-minio-artifact": KEYS}, "env": {"AWS_ENDPOINT_URL": STORE, "AWS_REGION": "us-east-1"}}
PROBES = ("artifacts", "v2/artifacts")
DEADLINE_S = 120


class Patient:
    """The cluster with a namespace for models of its own, empty at first.

    Attributes:
        models: that namespace.
        env: of the doctor, and of its commands.
    """

    def __init__(self, cluster: ClusterHere, folder: Path, env: dict[str, str]) -> None:
        self.cluster, self.env, self._folder = cluster, env, folder
        self.models = cluster.name("scratch")
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        names = {"name": self.models, "labels": restricted}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": names})
        bound = f"clusterrolebinding/fairlead-pusher-{self.models}"
        cluster.after.callback(cluster.kubectl, "delete", bound, "--ignore-not-found")

    def file(self, **settings: Any) -> str:
        """A cluster file that differs in these from the one for kind, with what ingest_table needs for the store."""
        base = {**self.cluster.settings, "models": self.models, "steps": {"ingest_table": OWN}}
        path = self._folder / "cluster.yaml"
        path.write_text(yaml.safe_dump({**base, **settings}))
        return str(path)

    def examined(self, *words: str, **settings: Any) -> Said:
        return doctor("--cluster", self.file(**settings), *words, **self.env)

    def obey(self, said: Said) -> None:
        """Runs each command that the doctor gives."""
        for what, command in said.remedies.items():
            done = subprocess.run(["bash", "-ec", command], env=self.env, capture_output=True, text=True, check=False)
            assert not done.returncode, f"{what}: {command}\n{done.stderr}"

    def mended(self, *words: str) -> Said:
        """The doctor again and again, and what it says obeyed, until nothing is left to mend."""
        for _ in range(ROUNDS):
            said = self.examined(*words)
            if not said.code:
                return said
            self.obey(said)
        raise AssertionError(said.out)

    def left(self) -> list[str]:
        """What probes have left."""
        found = [
            item.path for place in PROBES for item in self.cluster.s3.get_file_info(FileSelector(f"mlpipeline/{place}"))
        ]
        found += [run.display_name for run in self.cluster.kfp.list_runs(page_size=100, sort_by="created_at desc").runs]
        for namespace in (self.cluster.runs, self.models):
            kinds = "pods,inferenceservices,workflows"
            found += self.cluster.kubectl("-n", namespace, "get", kinds, "--output=name").split()
        return [name for name in found if "fairlead-doctor" in name]


def wait_for(what: Callable[[], Any], says: str) -> Any:
    """The first true value; another test's doctor may have probes of its own for a while."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.2)
    raise AssertionError(says)


@pytest.fixture
def patient(cluster: ClusterHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    import os

    for name, value in cluster.keys.items():
        monkeypatch.setenv(name, value)
    env = {name: os.environ[name] for name in (*cluster.keys, "KUBECONFIG", "PATH", "HOME")}
    patient = Patient(cluster, tmp_path, env)
    yield patient
    wait_for(lambda: not patient.left(), "a probe is still there")


@pytest.fixture
def healthy(patient: Patient) -> Patient:
    patient.mended("--quick")
    return patient


def test_its_commands_mend_an_empty_namespace(patient: Patient) -> None:
    first = patient.examined("--quick")
    assert first.code == 8
    assert first.line("account of predictors") == (
        "FIX",
        f"there is no fairlead-predictor in {patient.models}; without it no predictor starts",
    )
    state, detail = first.line("rights of a run's steps")
    assert (state, detail.startswith("pipeline-runner may not get inferenceservices, ")) == ("FIX", True)
    assert patient.mended("--quick").line("rights of a run's steps")[0] == "ok"
    said = patient.examined()
    assert (said.code, said.remedies) == (0, {})
    for what in (LAUNCHER, STEP, MLFLOW, "initializer reads store", "predictor starts"):
        assert said.line(what)[0] == "ok"
    assert patient.cluster.store.secret_key not in said.out + said.err


def test_keys_that_the_store_refuses(healthy: Patient) -> None:
    cluster, wrong = healthy.cluster, healthy.cluster.name("wrong")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": wrong, "namespace": cluster.runs},
            "stringData": {"accesskey": "nobody", "secretkey": "a-wrong-secret-key"},
        }
    )
    given = '{"stringData": {"AWS_SECRET_ACCESS_KEY": "another-wrong-key"}}'
    cluster.kubectl("-n", healthy.models, "patch", "secret", "fairlead-storage", "-p", given)
    own = {**OWN, "secrets": {wrong: KEYS}}
    said = healthy.examined(steps={"ingest_table": own})
    assert said.code == 8
    assert said.line(LAUNCHER)[0] == "ok"  # it has keys of its own
    state, detail = said.line(STEP)
    assert (state, "the object store refuses these keys" in detail) == ("FIX", True)
    state, detail = said.line("initializer reads store")
    assert (state, "403" in detail or "Forbidden" in detail or "Signature" in detail) == ("FIX", True), detail
    assert said.line("predictor starts") == ("skip", "the storage initialiser comes first")
    assert wrong in said.remedies[STEP]
    assert "wrong-secret-key" not in said.out
    assert "another-wrong-key" not in said.out
    subprocess.run(["bash", "-ec", said.remedies["initializer reads store"]], check=True, capture_output=True)
    assert healthy.examined().code == 0


def test_a_launcher_that_knows_no_such_store(healthy: Patient) -> None:
    storage = {**healthy.cluster.settings["storage"], "importer_scheme": "s3"}  # which kfp-launcher says nothing of
    said = healthy.examined(storage=storage)
    assert (said.code, said.line(LAUNCHER)[0]) == (8, "FIX")
    assert "s3" in said.line(LAUNCHER)[1]
    assert "edit configmap kfp-launcher" in said.remedies[LAUNCHER]
    assert said.line(STEP) == ("skip", "its launcher did not get that far")
    assert said.line("initializer reads store")[0] == "ok"


def test_a_secret_of_a_step_that_is_not_there(healthy: Patient) -> None:
    said = healthy.examined(steps={"ingest_table": {"secrets": {"nowhere-to-be-found": KEYS}}})
    state, detail = said.line(START)
    assert (said.code, state, 'secret "nowhere-to-be-found" not found' in detail) == (8, "FIX", True)
    assert "mend steps in the cluster file" in said.remedies[START]


def test_a_secret_without_the_store_s_address(healthy: Patient) -> None:
    note = "serving.kserve.io/s3-endpoint-"
    healthy.cluster.kubectl("-n", healthy.models, "annotate", "secret", "fairlead-storage", note)
    said = healthy.examined("--quick")
    assert (said.code, list(said.remedies)) == (8, ["keys of predictors"])
    assert "no annotation serving.kserve.io/s3-endpoint" in said.line("keys of predictors")[1]


def test_a_runtime_that_serves_other_models(healthy: Patient) -> None:
    container = {"name": "kserve-container", "image": "registry.corp/other:1"}
    spec = {"supportedModelFormats": [{"name": "other", "version": "1"}], "containers": [container]}
    names = {"name": "fairlead-predictor", "namespace": healthy.models}
    kind = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime"}
    healthy.cluster.apply({**kind, "metadata": names, "spec": spec})
    said = healthy.examined("--quick")
    state, detail = said.line("runtime")
    assert (said.code, state, "it serves other" in detail) == (8, "FIX", True)


def test_a_namespace_that_is_not_there(patient: Patient) -> None:
    said = patient.examined("--quick", models="no-such-namespace")
    assert (said.code, said.line("namespace of models")) == (8, ("FIX", "there is no no-such-namespace"))
    assert said.line("KServe webhook")[0] == "FIX"


def test_images_that_no_node_has_and_no_registry_gives(healthy: Patient) -> None:
    said = healthy.examined("--quick", registry="registry.corp:5000/ml")
    assert said.line("image of steps")[0] == "skip"  # a registry may yet give it
    said = healthy.examined("--quick", registry="elsewhere")
    state, detail = said.line("image of steps")
    assert (state, "no node holds elsewhere/fairlead/python-tabular" in detail) == ("FIX", True)
    assert "kind load docker-image elsewhere/fairlead/python-tabular" in said.remedies["image of steps"]


def test_a_user_with_no_rights_is_told_what_it_may_not(healthy: Patient, tmp_path: Path) -> None:
    cluster = healthy.cluster
    token = cluster.kubectl("-n", healthy.models, "create", "token", "default").strip()
    known: dict[str, Any] = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten"))
    known["users"][0]["user"] = {"token": token}
    path = tmp_path / "nobody"
    path.write_text(yaml.safe_dump(known))
    said = doctor("--quick", "--cluster", healthy.file(), KUBECONFIG=str(path), **cluster.keys)
    assert said.code == 8
    assert said.line("rights of a run's steps")[0] == "skip"
    assert "kubectl auth can-i" in said.line("rights of a run's steps")[1]
    for what in ("namespace of models", "account of predictors", "image of steps", "KServe controller", "MLflow"):
        assert said.line(what)[0] == "skip", what
    assert "ask for the right to create inferenceservices" in said.remedies["KServe webhook"]
    assert token not in said.out + said.err


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(healthy: Patient, kind: signal.Signals) -> None:
    with start("--cluster", healthy.file(), **healthy.env) as process:
        services = ("-n", healthy.models, "get", "inferenceservices", "--output=name")
        name = wait_for(lambda: healthy.cluster.kubectl(*services).strip(), "no probe came").rpartition("/")[2]
        wait_for(lambda: any(name in left and "pod/" in left for left in healthy.left()), "its run has no pod")
        process.send_signal(kind)
        process.send_signal(kind)  # as an impatient user does
        out, err = process.communicate(timeout=DEADLINE_S)
    assert "interrupted; the probes are being removed" in out
    assert "Traceback" not in out + err
    assert process.returncode == 130
