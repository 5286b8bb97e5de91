"""What the tests that need a cluster need of it: its addresses and clients, and an end that removes what they made."""

from __future__ import annotations

import base64
import functools
import os
import shutil
import subprocess
import urllib.request
import uuid
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from fairlead.cluster.connect import Cluster
from fairlead.errors import ClusterError
from fairlead.images import PREDICTOR, TABULAR
from fairlead.object_store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[1] / "manifests" / "kind.cluster.yaml"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"
RUNTIME = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/fairlead-predictor"


@functools.cache
def why_not() -> str:
    """Why the tests of a cluster cannot run here; "" when they can."""
    return next((f"no cluster here: {reason}" for reason in _reasons()), "")


def _reasons() -> Iterator[str]:
    """Each thing that lacks, in the order of what needs what; only the first can be trusted."""
    start = "shared/cluster/up or scripts/kind_up starts one"
    if not os.environ.get("KUBECONFIG"):
        yield f"KUBECONFIG is not set; {start}"
    if not shutil.which("kubectl"):
        yield "there is no kubectl on PATH"
    try:
        api = Cluster.connect(patience=0)
        name = _context()
        if not name.startswith("kind-"):  # tests push, break and delete: never on a cluster that somebody needs
            yield f"KUBECONFIG's context {name} is no kind cluster; {start}"
        api.text("/readyz")
        if not api.get(RUNTIME):
            yield "our manifests are not applied; kubectl apply -k manifests/overlays/kind does it"
        host = _settings()["host"]
        with urllib.request.urlopen(f"{host}/apis/v2beta1/healthz", timeout=10):  # noqa: S310 - our own file's
            pass
        held = [
            name for node in api.items("/api/v1/nodes") for image in node["status"]["images"] for name in image["names"]
        ]
    except ClusterError as error:
        yield f"{error.what}: {error.got}; {start}"
    except OSError as error:
        yield f"Kubeflow Pipelines does not answer at {host}: {error}"
    for image in (TABULAR, PREDICTOR):
        if not any(name.endswith(image) for name in held):
            yield f"no node holds the image {image}; make images builds it, kind load docker-image brings it there"


def _context() -> str:
    known: dict[str, Any] = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    return str(known["current-context"])


def _settings() -> dict[str, Any]:
    known: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return known


class ClusterHere:
    """The cluster, as a test uses it; lent by the fixture `cluster`, or for longer than a test by `lent`.

    Attributes:
        file: the cluster file, for `--cluster`.
        settings: what stands in it.
        host: of Kubeflow Pipelines' API.
        runs: the namespace of runs.
        models: the namespace of our services.
        api: the Kubernetes API, as its administrator.
        after: takes callbacks, called at the end in reverse.
    """

    file = FILE

    def __init__(self, after: ExitStack) -> None:
        self.after, self.settings = after, _settings()
        self.host, self.runs, self.models = self.settings["host"], self.settings["namespace"], self.settings["models"]
        self.api = Cluster.connect(self.models)

    @classmethod
    @contextmanager
    def lent(cls) -> Iterator[Self]:
        """For a fixture that lives longer than a test."""
        with ExitStack() as after:
            yield cls(after)

    def kubectl(self, *words: str, given: str = "") -> str:
        """What kubectl prints; a refusal fails the test with kubectl's words."""
        done = subprocess.run(["kubectl", *words], input=given, capture_output=True, text=True, check=False)
        assert not done.returncode, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Creates objects, and removes them at the end."""
        text = yaml.safe_dump_all(objects)
        self.after.callback(self.kubectl, "delete", "--ignore-not-found", "--wait=false", "-f", "-", given=text)
        self.kubectl("apply", "-f", "-", given=text)

    def name(self, kind: str = "service") -> str:
        """A name that nobody else uses."""
        return f"{kind}-{uuid.uuid4().hex[:8]}"

    def service(self) -> str:
        """A name for an InferenceService; at the end it, its candidates and its lease are removed."""
        name = self.name()
        self.after.callback(self._remove_service, name)
        return name

    def _remove_service(self, name: str) -> None:
        listed = SERVICES.format(self.models)
        for item in self.api.items(listed):
            if item["metadata"]["name"].startswith(name):
                self.api.delete(f"{listed}/{item['metadata']['name']}")
        self.api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{self.models}/leases/fairlead-push-{name}")

    @functools.cached_property
    def kfp(self) -> Any:
        """The public client, kfp.Client."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # kfp's own
            import kfp

            return kfp.Client(host=self.host, namespace=self.runs)

    @functools.cached_property
    def store(self) -> Store:
        """The object store as this machine reaches it, with the keys from the cluster's own Secret."""
        told = self.settings["storage"]
        namespace, name = told["secret"].split("/")
        secret = self.api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}") or {}
        access, hidden = (base64.b64decode(secret["data"][key]).decode() for key in ("accesskey", "secretkey"))
        return Store(endpoint=told["endpoint"], region=told["region"], access_key=access, secret_key=hidden)

    @property
    def keys(self) -> dict[str, str]:
        """The same for a process's environment."""
        told = self.store
        return {
            "AWS_ENDPOINT_URL": told.endpoint,
            "AWS_REGION": told.region,
            "AWS_ACCESS_KEY_ID": told.access_key,
            "AWS_SECRET_ACCESS_KEY": told.secret_key,
        }

    @functools.cached_property
    def s3(self) -> Any:
        """The store as a file system; paths are `BUCKET/KEY`."""
        from pyarrow import fs

        told = self.store
        return fs.S3FileSystem(
            access_key=told.access_key,
            secret_key=told.secret_key,
            region=told.region,
            endpoint_override=told.endpoint,
        )

    def folder(self) -> str:
        """A URI, s3://mlpipeline/..., to put things below; removed at the end."""
        path = f"mlpipeline/tests/{self.name('test')}"
        self.after.callback(self._remove_folder, path)
        return f"s3://{path}"

    def _remove_folder(self, path: str) -> None:
        from pyarrow import fs

        for found in self.s3.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True)):
            if found.is_file:
                self.s3.delete_file(found.path)

    def python(self, code: str, *words: str) -> str:
        """What a line of Python prints in a pod of the steps' image, in the namespace of runs."""
        name, pod = self.name("python"), {"apiVersion": "v1", "kind": "Pod"}
        container = {"name": "main", "image": TABULAR, "command": ["python", "-c", code, *words]}
        self.apply(
            {
                **pod,
                "metadata": {"name": name, "namespace": self.runs},
                "spec": {"restartPolicy": "Never", "containers": [container]},
            }
        )
        self.kubectl(
            "wait", "-n", self.runs, f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s"
        )
        return self.kubectl("logs", "-n", self.runs, name)

    @contextmanager
    def forward(self, target: str, port: int, namespace: str = "") -> Iterator[str]:
        """A port of this machine that leads to a service or pod, as `127.0.0.1:PORT`.

        Args:
            target: as kubectl names it: svc/NAME, pod/NAME.
            port: the service's or pod's.
            namespace: by default that of our services.
        """
        command = ["kubectl", "port-forward", "-n", namespace or self.models, target, f":{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                assert first.startswith("Forwarding from "), first + process.stdout.read()
                yield first.split()[2]
            finally:
                process.kill()
