"""What other people's pipelines rely on: each component's inputs and outputs, recorded in interfaces.json.

A change that breaks a pipeline asks for a new major version; while the version is 0.x, for a new minor one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead import __version__
from fairlead.catalogue import components, parameters
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Interface = Mapping[str, Mapping[str, Any]]  # "inputs" and "outputs", by name
    Interfaces = Mapping[str, Interface]

RECORD = Path(__file__).with_name("interfaces.json")


def current() -> Interfaces:
    """Every component's interface as its shim has it now.

    Returns:
        By component, `inputs` with type and default and `outputs` with type, by name; an input that must be given has
        no default.
    """
    return {
        name: {
            "inputs": {
                p.name: {"type": p.type, **({"default": p.default} if p.default else {})}
                for p in parameters(component)
                if not p.output
            },
            "outputs": {p.name: {"type": p.type} for p in parameters(component) if p.output},
        }
        for name, component in components().items()
    }


def recorded() -> tuple[str, Interfaces]:
    """The version that was recorded, and its interfaces."""
    record = json.loads(RECORD.read_text("utf-8"))
    return record["version"], record["components"]


def record() -> None:
    """Writes the interfaces as they are now.

    Raises:
        ConfigError: they break pipelines and the version does not say so.
    """
    if RECORD.exists():
        version, old = recorded()
        broken = list(breaks(old, current()))
        if broken and not may_break(version, __version__):
            got, advice = (
                "; ".join(broken),
                "keep what was, or raise the version in pyproject.toml and fairlead/__init__.py",
            )
            raise ConfigError(f"interfaces of {version} are broken by {__version__}", where=RECORD, got=got, do=advice)
    text = json.dumps({"version": __version__, "components": current()}, indent=1)
    RECORD.write_text(f"{text}\n", "utf-8")


def may_break(old: str, new: str) -> bool:
    """Whether a version step announces a break: the major is raised, or the minor of 0.x."""
    was, now = (tuple(int(part) for part in version.split(".")[:2]) for version in (old, new))
    return now[:1] > was[:1] if was[0] else now > was


def breaks(old: Interfaces, new: Interfaces) -> Iterator[str]:
    """Each change that breaks a pipeline which uses the old interface, with the parameter's name."""
    for name, was in old.items():
        if name not in new:
            yield f"{name}: the component is gone"
            continue
        for side in ("inputs", "outputs"):
            for parameter, facts in was[side].items():
                now = new[name][side].get(parameter)
                yield from (f"{name}.{parameter}: {change}" for change in _changes(facts, now, side[:-1]))
        for parameter, facts in new[name]["inputs"].items():
            if parameter not in was["inputs"] and "default" not in facts:
                yield f"{name}.{parameter}: a new input has no default"


def _changes(was: Mapping[str, str], now: Mapping[str, str] | None, side: str) -> Iterator[str]:
    if now is None:
        yield f"the {side} is gone or has another name"
        return
    if was["type"] != now["type"]:
        yield f"its type was {was['type']} and is {now['type']}"
    if "default" in was and was["default"] != now.get("default"):
        yield f"its default was {was['default']} and is {now.get('default', 'gone')}"
