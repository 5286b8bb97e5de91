"""Values of parameters: those a user gives, checked before anything runs, and those that flow between tasks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.run.pipeline_ir import Parameter

#: KFP's names of types and Python's.
TYPES: dict[str, type] = {
    "STRING": str,
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
}
PLACEHOLDER = re.compile(r"\{\{\$\.?(?P<path>.*?)\}\}")
OF_INPUT = re.compile(r"inputs\.parameters\['(?P<name>[^']+)'\]")


def check_parameters(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a run starts with: those given, and the pipeline's defaults.

    Raises:
        ConfigError: unknown, missing, or of another type; it names the parameter and the ones there are.
    """
    for name in given:
        if name not in known:
            raise _unknown(name, known)
    for parameter in known.values():
        if parameter.required and parameter.name not in given:
            what = f"parameter {parameter.name!r} is missing"
            raise ConfigError(
                what, got=_listed(known), do=f"give a {_type_name(parameter)}: {parameter.description}".rstrip(": ")
            )
    values = {name: parameter.default for name, parameter in known.items() if parameter.default is not None}
    values |= {name: _checked(known[name], value) for name, value in given.items()}
    return {name: convert(known[name].type, value) for name, value in values.items()}


def parse_parameter(parameter: Parameter, text: str) -> Any:
    """A value as it is written on a command line: text as it is, all else as YAML.

    Raises:
        ConfigError: the text is not a value of the parameter's type.
    """
    if parameter.type == "STRING":
        return text
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    return _checked(parameter, value)


def _checked(parameter: Parameter, value: Any) -> Any:
    kind = TYPES.get(parameter.type)
    if kind is None or (value is None and not parameter.required):
        return value
    fits = isinstance(value, int | float if kind is float else kind)
    if (isinstance(value, bool) and kind is not bool) or not fits:
        what, got = (
            f"parameter {parameter.name!r} takes a {_type_name(parameter)}",
            f"{value!r}, a {type(value).__name__}",
        )
        raise ConfigError(what, got=got, do=f"give a {_type_name(parameter)}")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"parameter {parameter.name!r} is not a JSON value", got=error, do="use plain JSON values"
        ) from None
    return value


def _unknown(name: str, known: Mapping[str, Parameter]) -> ConfigError:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else "use one of the pipeline's parameters"
    return ConfigError(f"parameter {name!r} is not one of this pipeline's", got=_listed(known), do=advice)


def _listed(known: Mapping[str, Parameter]) -> str:
    names = ", ".join(f"{parameter.name} ({_type_name(parameter)})" for parameter in known.values())
    return f"the pipeline takes {names or 'no parameters'}"


def _type_name(parameter: Parameter) -> str:
    return TYPES[parameter.type].__name__ if parameter.type in TYPES else parameter.type.lower()


def convert(kind: str, value: Any) -> Any:
    """A value as a step on a cluster gets it: whole numbers in lists and dicts are ints."""
    if value is None:
        return None
    if kind == "NUMBER_INTEGER":
        return int(value)
    if kind == "NUMBER_DOUBLE":
        return float(value)
    if kind == "STRING" and not isinstance(value, str):
        return as_text(value)
    return _whole(value) if kind in {"LIST", "STRUCT"} else value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_text(value: Any) -> str:
    """A value inside a text, as KFP writes it."""
    return value if isinstance(value, str) else json.dumps(_whole(value))


def fill(value: Any, inputs: Mapping[str, Any], names: Mapping[str, str], task: str) -> Any:
    """Fills `{{$.…}}` placeholders in a constant.

    Args:
        value: any JSON value.
        inputs: the task's parameters, for `inputs.parameters['NAME']`.
        names: what else can stand there, such as `pipeline_task_name`.
        task: for errors.

    Raises:
        RunError: a placeholder that has no meaning here; it names it.
    """
    if isinstance(value, dict):
        return {key: fill(item, inputs, names, task) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, inputs, names, task) for item in value]
    if not isinstance(value, str) or "{{$" not in value:
        return value

    def resolve(match: re.Match[str]) -> Any:
        path = match["path"]
        of_input = OF_INPUT.fullmatch(path)
        if of_input and of_input["name"] in inputs:
            return inputs[of_input["name"]]
        if path in names:
            return names[path]
        advice = f"use one of {', '.join(sorted(names))}, or run on a cluster"
        raise RunError("a placeholder has no value in a local run", where=f"task {task!r}", got=match[0], do=advice)

    whole = PLACEHOLDER.fullmatch(value)
    return resolve(whole) if whole else PLACEHOLDER.sub(lambda match: as_text(resolve(match)), value)
