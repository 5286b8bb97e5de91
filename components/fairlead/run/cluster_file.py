"""The cluster file: where a cluster's services are, and what its steps may use. It holds no secret, only their names.

A key that is left out is what a pod beside a Kubeflow Pipelines of upstream's manifests finds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fairlead.cluster.server import ACCOUNT, in_a_pod
from fairlead.errors import ConfigError
from fairlead.object_store import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where a pod finds a token for Kubeflow Pipelines (an audience of its own), and for all else.
TOKENS = (Path("/var/run/secrets/kubeflow/pipelines/token"), ACCOUNT / "token")
#: Words of an environment variable's name that say that its value is a secret.
SECRET_WORDS = frozenset({"SECRET", "PASSWORD", "PASSWD", "TOKEN"})
ALL = "all"


def _no_secrets(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if SECRET_WORDS.intersection(name.upper().split("_")):
            raise ValueError(
                f"the value of {name} would stand in the pipeline for all to read; name a Secret in secrets"
            )
    return values


def _an_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://")
    return value.rstrip("/")


def _a_place(value: str) -> str:
    if not is_remote(value):
        raise ValueError("a place for inputs is s3://BUCKET/FOLDER or gs://BUCKET/FOLDER")
    return value.rstrip("/")


Cpu = Annotated[str, Field(pattern=r"^([0-9]*[.])?[0-9]+m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+((E|P|T|G|M|K)i?)?$")]
Seconds = Annotated[int, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Toleration(_Part):
    """A taint that a step's pod may be placed in spite of; the fields are Kubernetes' own."""

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: int | None = None


class StepSettings(_Part):
    """What a step's pod gets.

    Attributes:
        cpu: the most that it may use, such as 500m or 2; what is asked for, too, unless cpu_request says less.
        memory: likewise, such as 2Gi.
        cpu_request: what its node must have free.
        memory_request: likewise.
        gpu: how many accelerators.
        gpu_type: the resource that stands for one.
        retries: how often a failed step is tried again.
        backoff_seconds: before the first of them; then twice as long each time.
        ttl_seconds: the most that a pod may live, waiting for its image and node included.
        node_selector: labels that its node must bear.
        tolerations: taints that its node may bear.
        secrets: by the name of a Secret, its keys and the environment variables that take them.
        env: environment variables; values are for all to read.
        labels: of the pod.
        annotations: of the pod.
        image_pull_policy: when the image is fetched.
        image_pull_secrets: names of Secrets for its registry.
        run_as_non_root: put into the security context, for backends that know this field; a plain 2.14 refuses it.
    """

    cpu: Cpu | None = None
    memory: Memory | None = None
    cpu_request: Cpu | None = None
    memory_request: Memory | None = None
    gpu: int = Field(default=0, ge=0)
    gpu_type: str = "nvidia.com/gpu"
    retries: int = Field(default=0, ge=0)
    backoff_seconds: int = Field(default=0, ge=0)
    ttl_seconds: Seconds | None = None
    node_selector: dict[str, str] = {}
    tolerations: list[Toleration] = []
    secrets: dict[str, dict[str, str]] = {}
    env: Annotated[dict[str, str], AfterValidator(_no_secrets)] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: list[str] = []
    run_as_non_root: bool = False

    def over(self, base: StepSettings) -> StepSettings:
        """These settings upon more general ones: mappings and lists are joined, all else stands instead."""
        joined = base.model_dump(exclude_unset=True)
        for name, value in self.model_dump(exclude_unset=True).items():
            if isinstance(value, dict):
                joined[name] = {**joined.get(name, {}), **value}
            else:
                joined[name] = [*joined.get(name, []), *value] if isinstance(value, list) else value
        return StepSettings(**joined)


class Storage(_Part):
    """The object store as this machine reaches it.

    Attributes:
        endpoint: its address; AWS_ENDPOINT_URL wins. Empty is Amazon's own.
        region: that requests are signed for; AWS_REGION wins.
        inputs: local files that a run reads are stored below, by content.
        importer_scheme: how KFP's launcher names that store: as in the address of its pipeline root.
        secret: NAMESPACE/NAME of the Secret that keys are read from when AWS_ACCESS_KEY_ID is not set.
    """

    endpoint: Annotated[str, AfterValidator(lambda value: _an_address(value) if value else "")] = (
        "http://minio-service.kubeflow:9000"
    )
    region: str = "us-east-1"
    inputs: Annotated[str, AfterValidator(_a_place)] = "s3://mlpipeline/fairlead/inputs"
    importer_scheme: Literal["minio", "s3"] = "minio"
    secret: Annotated[str, Field(pattern=r"^([a-z0-9.-]+/[a-z0-9.-]+)?$")] = "kubeflow/mlpipeline-minio-artifact"  # noqa: S105 - its name


class ClusterFile(_Part):
    """A cluster.

    Attributes:
        host: the address of Kubeflow Pipelines' API.
        namespace: of runs.
        token_file: holds a bearer token; empty is none, or the pod's own inside a cluster.
        service_account: that steps run as; empty is KFP's own choice.
        experiment: that runs belong to.
        models: the namespace of InferenceServices.
        registry: that every image is taken from; empty leaves their names.
        storage: the object store.
        parameters: of pipelines, that differ here; a config file and --set stand over them.
        steps: by a component's name, what its steps get; `all` is for every step.
    """

    host: Annotated[str, AfterValidator(_an_address)] = "http://ml-pipeline.kubeflow:8888"
    namespace: str = "kubeflow"
    token_file: str = ""
    service_account: str = ""
    experiment: str = "default"
    models: str = "fairlead"
    registry: str = ""
    storage: Storage = Storage()
    parameters: dict[str, Any] = {}
    steps: dict[str, StepSettings] = {}

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        names = [name.replace("-", "_") for name in self.steps]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"steps names {', '.join(sorted(twice))} twice")
        return self

    def step(self, component: str) -> StepSettings:
        """The settings of a component's steps: its own over those for all."""
        named = {name.replace("-", "_"): value for name, value in self.steps.items()}
        return named.get(component.replace("-", "_"), StepSettings()).over(named.get(ALL, StepSettings()))

    def token(self) -> str:
        """The bearer token for Kubeflow Pipelines; "" when there is none.

        Raises:
            ConfigError: the token's file cannot be read.
        """
        path = Path(self.token_file).expanduser() if self.token_file else _first_file([*_own_token(), *TOKENS])
        if path is None:
            return ""
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            advice = "write the token there, or leave token_file empty"
            raise ConfigError("the token's file cannot be read", where=path, got=error, do=advice) from None


def _own_token() -> list[Path]:
    named = os.environ.get("KF_PIPELINES_SA_TOKEN_PATH")
    return [Path(named)] if named else []


def _first_file(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def read_cluster_file(path: Path | None) -> ClusterFile:
    """Reads a cluster file; without one a pod takes what it finds around it.

    Raises:
        ConfigError: it is missing, not YAML, or a key or value of it is wrong; it names the key.
    """
    if path is None:
        if in_a_pod():
            return ClusterFile()
        advice = "give --cluster FILE, such as manifests/kind.cluster.yaml"
        raise ConfigError("nothing says where the cluster is", got="no cluster file, outside of a cluster", do=advice)
    try:
        return ClusterFile.model_validate(_read(path))
    except ValidationError as error:
        raise _wrong(error, path) from None


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text("utf-8")) or {}
    except FileNotFoundError:
        raise ConfigError("there is no such cluster file", where=path, do="check the path after --cluster") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = str(error).replace("\n", " ")
        raise ConfigError("the cluster file cannot be read", where=path, got=got, do="mend it") from None


def _wrong(error: ValidationError, path: Path) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        place: Any = ClusterFile
        for part in first["loc"][:-1]:
            place = {"storage": Storage, "steps": StepSettings, "tolerations": Toleration}.get(str(part), place)
        do = f"use one of {', '.join(place.model_fields)}"
        return ConfigError("the cluster file has a key that is not known", where=path, got=key, do=do)
    rule, given = first["msg"].removeprefix("Value error, "), first.get("input")
    shown = (
        f": {given!r}" if isinstance(given, str | int | float) else ""
    )  # of mappings, which may hold a secret, the key
    got = f"{key or type(given).__name__}{shown}"
    return ConfigError(f"the cluster file is wrong: {rule}", where=path, got=got, do="correct this key")
