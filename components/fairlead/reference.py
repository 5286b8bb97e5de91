"""components/README.md, written from the components: the stages in the order data flows, then a page for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.catalogue import components, parameters, summary
from fairlead.dsl import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.catalogue import Parameter
    from fairlead.dsl import Component

#: The order in which data flows.
STAGES = ("ingest", "validate", "transform", "tune", "train", "evaluate", "register", "push", "monitor")
HEAD = """\
<!-- Written by scripts/reference from the components' docstrings; a test holds it to them. -->
# Components

The stages in the order data flows. A pipeline imports a component from `fairlead.components`.

| stage | component | inputs | outputs |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """The page, as Markdown."""
    ordered = sorted(components().values(), key=lambda item: (STAGES.index(_stage(item)), item.__name__))
    return HEAD + "".join(map(_row, ordered)) + "".join(map(_section, ordered))


def _stage(component: Component) -> str:
    return component.__module__.split(".")[1]


def _row(component: Component) -> str:
    shown = [item for item in parameters(component) if not item.name.endswith(FINGERPRINT)]
    artifacts = [item for item in shown if item.output or item.type[:1].isupper()]
    inputs = ", ".join(f"{item.name} ({item.type})" for item in artifacts if not item.output)
    outputs = ", ".join(f"{item.name} ({item.type})" for item in artifacts if item.output)
    name = component.__name__
    return f"| {_stage(component)} | [`{name}`](#{name}) | {inputs or 'parameters alone'} | {outputs} |\n"


def _section(component: Component) -> str:
    known = parameters(component)
    inputs, outputs = [p for p in known if not p.output], [p for p in known if p.output]
    where = f"`from fairlead.components import {component.__name__}`"
    return (
        f"\n## {component.__name__}\n\n{_prose(component)}\n\n{where}\n"
        + _table("input", inputs, with_default=True)
        + _table("output", outputs, with_default=False)
    )


def _prose(component: Component) -> str:
    """The docstring up to its sections."""
    import inspect

    text = inspect.cleandoc(component.__doc__ or summary(component))
    return text.split("\n\nArgs:")[0].split("\n\nReturns:")[0].strip()


def _table(title: str, rows: Sequence[Parameter], *, with_default: bool) -> str:
    if not rows:
        return ""
    head = [title, "type", *(["default"] if with_default else []), "meaning"]
    lines = [head, ["---"] * len(head)]
    for item in rows:
        default = [f"`{item.default}`" if item.default else "must be given"] if with_default else []
        lines.append([f"`{item.name}`", f"`{item.type}`", *default, item.description])
    return "\n" + "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
