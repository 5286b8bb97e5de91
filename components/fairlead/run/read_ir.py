"""Reads what KFP's compiler wrote, following the references of its YAML."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError
from fairlead.run.condition import Condition
from fairlead.run.pipeline_ir import (
    Component,
    Constant,
    Dag,
    FinalStatus,
    FromParent,
    FromTask,
    Importer,
    Input,
    Parameter,
    Pipeline,
    PythonStep,
    Task,
    Unsupported,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
GROUP = re.compile(r"(condition|condition-branches|exit-handler|for-loop)-\d+")  # no part of a step's label
EXECUTOR = "kfp.dsl.executor_main"


def load_pipeline(ir: Path | dict[str, Any]) -> Pipeline:
    """Reads a compiled pipeline.

    Args:
        ir: the YAML file that KFP's compiler wrote (a platform document after it is passed over), or its content.

    Raises:
        ConfigError: missing, not YAML, or not a compiled pipeline.
        RunError: a condition that is not supported.
    """
    document = ir if isinstance(ir, dict) else _read(ir)
    where = "pipeline" if isinstance(ir, dict) else ir
    try:
        return _Reader(document).pipeline()
    except CycleError as error:
        raise ConfigError(
            "tasks wait for one another", where=where, got=" -> ".join(error.args[1]), do="compile it again"
        ) from None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ConfigError(
            "this is not a compiled pipeline", where=where, got=got, do="compile it again with kfp 2"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        with path.open("rb") as stream:
            document = next(yaml.load_all(stream, yaml.CSafeLoader), None)
    except FileNotFoundError:
        raise ConfigError("there is no compiled pipeline here", where=path, do="check the path") from None
    except (yaml.YAMLError, OSError) as error:
        got = str(error).replace("\n", " ")
        raise ConfigError("the compiled pipeline cannot be read", where=path, got=got, do="compile it again") from None
    if not isinstance(document, dict):
        got = type(document).__name__
        raise ConfigError("this is not a compiled pipeline", where=path, got=got, do="compile it again with kfp 2")
    return document


class _Reader:
    """Follows the references of an IR document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._components = document.get("components", {})
        self._executors = document["deploymentSpec"].get("executors", {})

    def pipeline(self) -> Pipeline:
        name, root = self._document["pipelineInfo"]["name"], self._component(self._document["root"], ())
        return Pipeline(name, root)

    def _component(self, spec: dict[str, Any], path: tuple[str, ...]) -> Component:
        inputs, outputs = spec.get("inputDefinitions", {}), spec.get("outputDefinitions", {})
        for name in (*outputs.get("parameters", {}), *outputs.get("artifacts", {})):
            _check_name(name)
        body = self._dag(spec["dag"], path) if "dag" in spec else self._executor(self._executors[spec["executorLabel"]])
        return Component(
            parameters=_parameters(inputs),
            output_parameters=_parameters(outputs),
            output_artifacts={name: dict(item["artifactType"]) for name, item in outputs.get("artifacts", {}).items()},
            body=body,
        )

    def _executor(self, spec: dict[str, Any]) -> PythonStep | Importer | Unsupported:
        if "importer" in spec:
            importer = spec["importer"]
            if importer.get("downloadToWorkspace"):
                return Unsupported("dsl.importer(download_to_workspace=True)")
            return Importer(importer["artifactUri"].get("constant"), importer.get("metadata", {}))
        container = spec["container"]
        command, arguments = container.get("command", []), container.get("args", [])
        if not any(EXECUTOR in part for part in command):
            return Unsupported("a container component")
        if "--component_module_path" not in " ".join(command):
            return Unsupported("a containerised Python component")
        return PythonStep(
            source=command[-1],
            function=arguments[arguments.index("--function_to_execute") + 1],
            image=container["image"],
            command=(*command, *arguments),
            env={item["name"]: item.get("value", "") for item in container.get("env", [])},
        )

    def _dag(self, spec: dict[str, Any], path: tuple[str, ...]) -> Dag:
        tasks = {name: self._task(name, task, path) for name, task in spec["tasks"].items()}
        order = TopologicalSorter({name: sorted(task.after) for name, task in tasks.items()}).static_order()
        outputs = spec.get("outputs", {})
        chosen = {
            name: _choices(item) for kind in ("parameters", "artifacts") for name, item in outputs.get(kind, {}).items()
        }
        return Dag(tuple(tasks[name] for name in order), chosen)

    def _task(self, name: str, spec: dict[str, Any], path: tuple[str, ...]) -> Task:
        _check_name(name)
        given = spec.get("inputs", {})
        inputs = {
            key: _input(item) for kind in ("parameters", "artifacts") for key, item in given.get(kind, {}).items()
        }
        producers = {source.task for source in inputs.values() if isinstance(source, FromTask | FinalStatus)}
        trigger, retry = spec.get("triggerPolicy", {}), spec.get("retryPolicy", {})
        return Task(
            name=name,
            label=".".join((*path, name)),
            component=self._component(
                self._components[spec["componentRef"]["name"]], path if GROUP.fullmatch(name) else (*path, name)
            ),
            inputs=inputs,
            after=frozenset(spec.get("dependentTasks", [])) | producers,
            condition=Condition(trigger["condition"], name) if trigger.get("condition") else None,
            always=trigger.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED",
            cached=bool(spec.get("cachingOptions", {}).get("enableCache")),
            retries=int(retry.get("maxRetryCount", 0)),
            backoff=float(str(retry.get("backoffDuration", "0s")).removesuffix("s")),
            loop="parameterIterator" in spec or "artifactIterator" in spec,
        )


def _check_name(name: str) -> None:
    """Tasks and outputs become folders and files, so nothing climbs out of them."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name")


def _parameters(definitions: dict[str, Any]) -> dict[str, Parameter]:
    return {
        name: Parameter(
            name,
            item["parameterType"],
            required=not item.get("isOptional") and "defaultValue" not in item,
            default=item.get("defaultValue"),
            description=item.get("description", ""),
        )
        for name, item in definitions.get("parameters", {}).items()
    }


def _input(item: dict[str, Any]) -> Input:
    if "runtimeValue" in item:
        return Constant(item["runtimeValue"]["constant"])
    if "taskFinalStatus" in item:
        return FinalStatus(item["taskFinalStatus"]["producerTask"])
    if "taskOutputParameter" in item:
        return FromTask(item["taskOutputParameter"]["producerTask"], item["taskOutputParameter"]["outputParameterKey"])
    if "taskOutputArtifact" in item:
        return FromTask(item["taskOutputArtifact"]["producerTask"], item["taskOutputArtifact"]["outputArtifactKey"])
    return FromParent(
        item["componentInputParameter"] if "componentInputParameter" in item else item["componentInputArtifact"]
    )


def _choices(item: dict[str, Any]) -> tuple[FromTask, ...]:
    if "valueFromParameter" in item:
        chosen = [item["valueFromParameter"]]
    elif "valueFromOneof" in item:
        chosen = item["valueFromOneof"]["parameterSelectors"]
    else:
        chosen = item["artifactSelectors"]
    return tuple(
        FromTask(one["producerSubtask"], one.get("outputParameterKey") or one["outputArtifactKey"]) for one in chosen
    )
