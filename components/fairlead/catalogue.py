"""The components there are, found without importing kfp."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from fairlead.dsl import Component
from fairlead.errors import ConfigError


@dataclass(frozen=True)
class Parameter:
    """An input or output of a component.

    Attributes:
        name: as in the pipeline.
        type: as kfp shows it: str, dict, Dataset, Model.
        default: its text, "" when it must be given.
        description: from the component's docstring.
        output: True for what the component writes.
    """

    name: str
    type: str
    default: str
    description: str
    output: bool


def stages() -> list[str]:
    """The rooms of the package that hold components, in alphabetical order."""
    here = Path(__file__).parent
    return [info.name for info in pkgutil.iter_modules([str(here)]) if (here / info.name / "component.py").is_file()]


def components() -> dict[str, Component]:
    """Every component by name."""
    modules = [importlib.import_module(f"fairlead.{stage}.component") for stage in stages()]
    found = [value for module in modules for value in vars(module).values() if type(value) is Component]
    return {item.__name__: item for item in sorted(found, key=lambda item: item.__name__)}


def component_named(name: str) -> Component:
    """One component.

    Raises:
        ConfigError: there is none of that name; it suggests the nearest.
    """
    known = components()
    key = name.replace("-", "_")
    if key not in known:
        near = get_close_matches(key, known, n=1)
        do = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}"
        raise ConfigError("there is no such component", where=name, do=do)
    return known[key]


def parameters(component: Component) -> list[Parameter]:
    """The inputs and outputs of a component, in the order of its signature."""
    signature = inspect.signature(component.__wrapped__)
    described = descriptions(component)
    found = []
    for name, item in signature.parameters.items():
        text = str(item.annotation)
        kind = (
            text.removeprefix("Input[").removeprefix("Output[").removesuffix("]")
            if text.startswith(("Input[", "Output["))
            else text
        )
        default = "" if item.default is item.empty else repr(item.default)
        found.append(Parameter(name, kind, default, described.get(name, ""), output=text.startswith("Output[")))
    return found + [
        Parameter(name, kind, "", described.get(name, ""), output=True) for name, kind in _returned(signature)
    ]


def _returned(signature: inspect.Signature) -> list[tuple[str, str]]:
    """Output parameters, read off `NamedTuple("Outputs", [("verdict", str)])`."""
    return re.findall(r"\(\s*['\"](\w+)['\"],\s*(\w+)\s*\)", str(signature.return_annotation))


def descriptions(component: Component) -> dict[str, str]:
    """What the docstring's Args and Returns say, by name."""
    import docstring_parser

    parsed = docstring_parser.parse(component.__doc__ or "")
    return {item.arg_name: (item.description or "").replace("\n", " ") for item in parsed.params}


def summary(component: Component) -> str:
    """The first line of the docstring."""
    return (component.__doc__ or "").strip().splitlines()[0]
