"""What a step is given and what it gives back, in the messages of KFP's launcher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import fingerprint_of
from fairlead.errors import RunError
from fairlead.run.parameters import convert, fill
from fairlead.run.result import Artifact

if TYPE_CHECKING:
    from fairlead.run.pipeline_ir import Importer, Task

OUTPUT_FILE = "executor_output.json"
HTML = "system.HTML"


def executor_input(task: Task, inputs: dict[str, Any], draft: Path) -> dict[str, Any]:
    """The ExecutorInput of a step whose outputs go to `draft`; names that start with a dot are the launcher's."""
    component = task.component
    lists = {name: {"artifacts": [value.runtime]} for name, value in inputs.items() if isinstance(value, Artifact)}
    new = {
        name: Artifact(name, kind, draft / file_name(name, kind), {})
        for name, kind in component.output_artifacts.items()
    }
    return {
        "inputs": {
            "parameterValues": {name: value for name, value in inputs.items() if name not in lists},
            "artifacts": lists,
        },
        "outputs": {
            "parameters": {
                name: {"outputFile": str(draft / f".parameter.{name}")} for name in component.output_parameters
            },
            "artifacts": {name: {"artifacts": [artifact.runtime]} for name, artifact in new.items()},
            "outputFile": str(draft / f".{OUTPUT_FILE}"),
        },
    }


def file_name(name: str, kind: dict[str, str]) -> str:
    """What an artifact is called on disk; a page gets the ending that browsers open."""
    return f"{name}.html" if kind.get("schemaTitle") == HTML else name


def read_outputs(task: Task, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Artifact]]:
    """The output parameters and artifacts (still drafts) of a step that ended well.

    Raises:
        RunError: an output is not JSON, or an artifact was put elsewhere.
    """
    outputs, component = given["outputs"], task.component
    written = _read(Path(outputs["outputFile"]), task)
    values = dict(written.get("parameterValues", {}))
    for name, item in outputs["parameters"].items():
        path = Path(item["outputFile"])
        if path.is_file():  # dsl.OutputPath: texts as they are, all else JSON
            kind = component.output_parameters[name].type
            values[name] = path.read_text("utf-8") if kind == "STRING" else _read(path, task)
    parameters = {name: convert(component.output_parameters[name].type, value) for name, value in values.items()}
    artifacts = {}
    for name, schema in component.output_artifacts.items():
        place = outputs["artifacts"][name]["artifacts"][0]["uri"]
        said = written.get("artifacts", {}).get(name, {}).get("artifacts", [{}])[0]
        if said.get("uri", place) != place:
            advice = "write to the path that the step is given"
            raise RunError(
                "an artifact was put elsewhere",
                where=f"task {task.label!r}, output {name!r}",
                got=said["uri"],
                do=advice,
            )
        artifacts[name] = Artifact(name, schema, Path(place), said.get("metadata", {}))
    return parameters, artifacts


def _read(path: Path, task: Task) -> Any:
    try:
        text = path.read_text("utf-8")
        return json.loads(text.lower() if text in {"True", "False"} else text)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        where = f"task {task.label!r}, {path.name}"
        raise RunError("an output of a step is not JSON", where=where, got=error, do="write a JSON value") from None


def import_artifact(task: Task, importer: Importer, inputs: dict[str, Any], names: dict[str, str]) -> Artifact:
    """The artifact that a `dsl.importer` names.

    Raises:
        RunError: it lies in a remote store, or nowhere.
    """
    uri = str(importer.uri if importer.uri is not None else inputs["uri"])
    path = Path(uri.removeprefix("file://")).absolute()
    where = f"task {task.label!r}"
    if "://" in uri.removeprefix("file://"):
        raise RunError(
            "an importer names a remote store", where=where, got=uri, do="fetch it first, or run on a cluster"
        )
    if not path.exists():
        raise RunError("there is nothing to import", where=where, got=uri, do="check the path")
    metadata = fill(importer.metadata, inputs, names, task.label)
    ((name, kind),) = task.component.output_artifacts.items()
    return Artifact(name, kind, path, metadata, fingerprint_of(path))
