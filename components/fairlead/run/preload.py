"""What a pipeline's steps import, imported ahead by the parent of forked steps while it waits for them.

The libraries are read out of the source that the pipeline carries and of the fairlead modules that it names,
functions included, so nothing is listed by hand. Importing starts no work: threads begin in the children.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.run.pipeline_ir import Task

OURS = "fairlead"
#: Theirs to start threads or services at import, or heavy and not for steps.
NEVER = frozenset({"kfp", "kubernetes"})


def preload(steps: Iterable[Task]) -> Iterator[str]:
    """Imports what the steps will, one module for each turn; what cannot be imported is left to the step to tell."""
    seen: set[str] = set()
    for step in steps:
        source = getattr(step.component.body, "source", "")
        for module in _modules(source, seen):
            with suppress(Exception):  # optional, or broken: the step that needs it fails with its own words
                importlib.import_module(module)
            yield module


def _modules(source: str, seen: set[str]) -> Iterator[str]:
    """The modules that a source imports at any depth, each once, those of our own modules' functions included."""
    for name in imported(source):
        if name in seen:
            continue
        seen.add(name)
        yield name
        if name.split(".")[0] == OURS:
            yield from _modules(_source_of(name), seen)


def imported(source: str) -> list[str]:
    """The modules that a source names in import statements, without the standard library's."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    outside = sys.stdlib_module_names | NEVER
    return [name for name in dict.fromkeys(names) if name.split(".")[0] not in outside]


def _source_of(module: str) -> str:
    with suppress(Exception):  # found or not, the step will tell
        spec = importlib.util.find_spec(module)
        if spec and spec.origin:
            return Path(spec.origin).read_text("utf-8")
    return ""
