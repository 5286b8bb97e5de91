"""The file of `fairlead apply`: which pipelines and recurring runs a cluster is to have. It is kept in git."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from fairlead.errors import ConfigError
from fairlead.run.cron import check_cron

FILES = (".py", ".yaml", ".yml")


def _beside(value: Path, info: ValidationInfo) -> Path:
    """A path is relative to the file that it stands in."""
    return Path(info.context or "") / value.expanduser()


def _pipeline_beside(value: str, info: ValidationInfo) -> str:
    return str(_beside(Path(value), info)) if Path(value).suffix in FILES else value


Beside = Annotated[Path, AfterValidator(_beside)]
Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,98}[A-Za-z0-9])?$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PipelineEntry(_Part):
    """A pipeline under its name on the cluster.

    Attributes:
        pipeline: a pipeline's name, or a .py or compiled .yaml file, as for `fairlead run`.
        description: that a new pipeline gets; Kubeflow Pipelines cannot change it later.
    """

    pipeline: Annotated[str, AfterValidator(_pipeline_beside)]
    description: Text = ""


class RecurringRunEntry(_Part):
    """A recurring run under its name on the cluster.

    Attributes:
        pipeline: one of this file's, by its name there.
        cron: when, six fields, seconds first, in the time zone of the server (UTC unless it is told otherwise).
        config: a YAML file of parameters, as for `fairlead run`.
        parameters: that stand over it.
        experiment: that its runs belong to; empty is the cluster's.
        max_concurrency: the most runs of it at a time.
        catchup: a schedule that was held up makes up for every run that it missed, not for the last one alone.
        enabled: False keeps it and runs nothing.
        description: for people.
    """

    pipeline: str
    cron: Annotated[str, AfterValidator(check_cron)]
    config: Beside | None = None
    parameters: dict[str, Any] = {}
    experiment: str = ""
    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=10)] = 1
    catchup: StrictBool = False
    enabled: StrictBool = True
    description: Text = ""


class ApplyFile(_Part):
    """What a cluster is to have.

    Attributes:
        name: whose recurring runs these are. What this file made and says no longer is removed; what bears another
            name, or none, is left alone.
        cluster: the cluster file; `--cluster` wins.
        pipelines: by name.
        recurring_runs: by name.
    """

    name: Name
    cluster: Beside | None = None
    pipelines: dict[Name, PipelineEntry]
    recurring_runs: dict[Name, RecurringRunEntry] = {}

    @model_validator(mode="after")
    def _pipelines_are_known(self) -> Self:
        for name, run in self.recurring_runs.items():
            if run.pipeline not in self.pipelines:
                known = ", ".join(self.pipelines) or "none"
                raise ValueError(f"recurring run {name!r} is of pipeline {run.pipeline!r}; the file has {known}")
        return self


def read_apply_file(path: Path) -> ApplyFile:
    """Reads and checks the file; paths in it are relative to it.

    Raises:
        ConfigError: it is missing, not YAML, or a key or value of it is wrong; it names the key.
    """
    import yaml

    try:
        return ApplyFile.model_validate(yaml.safe_load(path.read_text("utf-8")), context=path.parent)
    except FileNotFoundError:
        raise ConfigError("there is no such file to apply", where=path, do="check the path") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = str(error).replace("\n", " ")
        raise ConfigError("the file to apply cannot be read", where=path, got=got, do="mend it") from None
    except ValidationError as error:
        raise _wrong(error, path) from None


def _wrong(error: ValidationError, path: Path) -> ConfigError:
    first = error.errors()[0]
    where, key = first["loc"], ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        parts: dict[object, type[BaseModel]] = {"pipelines": PipelineEntry, "recurring_runs": RecurringRunEntry}
        known = ", ".join(parts.get(where[0], ApplyFile).model_fields)
        return ConfigError("the file has a key that is not known", where=path, got=key, do=f"use one of {known}")
    rule, given = first["msg"].removeprefix("Value error, "), first.get("input")
    got = f"{key}: {given!r}" if isinstance(given, str | int | float) else key or type(given).__name__
    return ConfigError(f"the file cannot be applied: {rule}", where=path, got=got, do="correct this key")
