"""A compiled pipeline as a named version on Kubeflow Pipelines, and a run of it.

A version is called after its content, so that what is there already is used again and nothing is uploaded twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError, ConfigError
from fairlead.relocate import relocate
from fairlead.run.kfp_api import V2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.kfp_api import KfpApi

    Json = dict[str, Any]

VERSION_LENGTH = 12


@dataclass(frozen=True)
class Submitted:
    """A run that Kubeflow Pipelines has taken on.

    Attributes:
        run: its id.
        version: of the pipeline.
        experiment: that it belongs to.
    """

    run: str
    version: str
    experiment: str


def read_documents(ir: Path | Json) -> tuple[Json, Json]:
    """The pipeline of compiled IR and the platform part after it, {} when there is none.

    Raises:
        ConfigError: it cannot be read, or is no compiled pipeline.
    """
    import copy

    import yaml

    if isinstance(ir, dict):
        return copy.deepcopy(ir), {}
    try:
        with ir.open("rb") as stream:
            documents = [document for document in yaml.load_all(stream, yaml.CSafeLoader) if document]
    except (yaml.YAMLError, OSError) as error:
        got = str(error).replace("\n", " ")
        raise ConfigError("the compiled pipeline cannot be read", where=ir, got=got, do="compile it again") from None
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise ConfigError("this is not a compiled pipeline", where=ir, do="compile it again with kfp 2")
    return documents[0], documents[1] if len(documents) > 1 else {}


def ir_text(spec: Json, platform: Json, registry: str = "") -> str:
    """IR as it is uploaded: the same text for the same pipeline."""
    import yaml

    documents = [spec, platform] if platform else [spec]
    return relocate(yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True), registry)


def version_of(text: str) -> str:
    """What a version is called: after its IR."""
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def uploaded_version(api: KfpApi, name: str, text: str, description: str = "") -> Json:
    """The version of a pipeline with this content; made, like the pipeline, when it is not there.

    Args:
        api: Kubeflow Pipelines.
        name: of the pipeline.
        text: its IR.
        description: of the pipeline, if it is made.

    Raises:
        ClusterError: it is refused, or there is no answer.
    """
    pipeline = _found_or_made(
        lambda: api.find(f"{V2}/pipelines/names/{name}", **api.spot),
        lambda: api.post(f"{V2}/pipelines", {"display_name": name, "description": description, **api.spot}),
    )
    number, version = pipeline["pipeline_id"], version_of(text)

    def find() -> Json | None:
        versions = api.items(f"{V2}/pipelines/{number}/versions", "pipeline_versions", sort_by="created_at desc")
        return next((item for item in versions if item["display_name"] == version), None)

    given = {"pipelineid": number, "name": version}
    return _found_or_made(find, lambda: api.upload(f"{V2}/pipelines/upload_version", text, **given))


def submit(api: KfpApi, cluster: ClusterFile, name: str, text: str, parameters: Json) -> Submitted:
    """Starts a run of a pipeline.

    Args:
        api: Kubeflow Pipelines.
        cluster: the experiment and service account.
        name: of the pipeline.
        text: its IR.
        parameters: of the run.

    Raises:
        ClusterError: it is refused, or there is no answer.
    """
    version = uploaded_version(api, name, text)
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    reference = {key: version[key] for key in ("pipeline_id", "pipeline_version_id")}
    run = start_run(api, cluster, f"{name} {began}", {"pipeline_version_reference": reference}, parameters)
    return Submitted(run, version["display_name"], cluster.experiment)


def start_run(api: KfpApi, cluster: ClusterFile, name: str, pipeline: Json, parameters: Json) -> str:
    """Starts a run, and gives its id.

    Args:
        api: Kubeflow Pipelines.
        cluster: the experiment and service account.
        name: of the run, for people.
        pipeline: `pipeline_version_reference` or `pipeline_spec`.
        parameters: of the run.

    Raises:
        ClusterError: it is refused, or there is no answer.
    """
    run = {
        "display_name": name,
        "experiment_id": experiment_of(api, cluster.experiment)["experiment_id"],
        **pipeline,
        "runtime_config": {"parameters": parameters},
        "service_account": cluster.service_account,
    }
    return str(api.post(f"{V2}/runs", run)["run_id"])


def experiment_of(api: KfpApi, name: str) -> Json:
    """The experiment of a name; made when it is not there.

    Raises:
        ClusterError: it is refused, or there is no answer.
    """
    make = partial(api.post, f"{V2}/experiments", {"display_name": name, **api.spot})
    return _found_or_made(partial(find_experiment, api, name), make)


def find_experiment(api: KfpApi, name: str) -> Json | None:
    """The experiment of a name, if it is there."""
    known = api.items(f"{V2}/experiments", "experiments", **api.spot)
    return next((item for item in known if item["display_name"].lower() == name.lower()), None)  # MySQL's rule


def _found_or_made(find: Callable[[], Json | None], make: Callable[[], Json]) -> Json:
    """What is there, or is made now; another process may be quicker."""
    there = find()
    if there:
        return there
    try:
        return make()
    except ClusterError:
        there = find()
        if there:
            return there
        raise
