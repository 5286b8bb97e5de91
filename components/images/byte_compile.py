# ruff: noqa: INP001 - runs in the Dockerfile, a package of nothing
"""Imports what the given rooms of fairlead import, functions included, and turns it into byte code.

    python byte_compile.py ROOM...

It is the image's first check: a package that the lock lacks ends the build. Of other packages' modules the byte code
takes the source's place, 60 MB of the tabular image; ours and those in SOURCES keep both. It is never stale, whatever a
registry or a builder does to file times.
"""

from __future__ import annotations

import importlib.util
import py_compile
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import fairlead
from fairlead.run.preload import imported

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(fairlead.__file__).parent
SITE = PACKAGE.parent
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

#: What a step starts with, and what libraries import by text, where no source names it.
STARTERS = {
    "onnxruntime": ["onnxruntime"],
    "kfp": ["kfp.dsl.executor_main"],
    "matplotlib": ["matplotlib.backends.backend_svg"],
    "sqlalchemy": ["sqlalchemy.dialects.sqlite"],
    "mlflow": ["mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"],
    "uvicorn": ["uvicorn.protocols.http.h11_impl", "uvicorn.lifespan.on"],
}
#: Packages that read their own source, or that a traceback should show.
SOURCES = ("fairlead", "kfp", "torch", "triton", "pyspark", "numpy")


def modules_of(room: str) -> Iterator[str]:
    """The modules that the import statements of a room's files name, functions included."""
    for file in sorted((PACKAGE / room).glob("*.py")):
        yield from imported(file.read_text("utf-8"))


def main(rooms: list[str]) -> None:
    """Imports, then compiles what is now in memory and lies in this environment."""
    starters = [name for package, names in STARTERS.items() if importlib.util.find_spec(package) for name in names]
    for name in [*starters, *(name for room in rooms for name in modules_of(room))]:
        importlib.import_module(name)
    loaded = {Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    sources = {file for file in loaded if file.suffix == ".py" and file.is_relative_to(SITE)}
    for file in sorted(sources | set(PACKAGE.rglob("*.py"))):
        keep = file.relative_to(SITE).parts[0] in SOURCES
        py_compile.compile(str(file), None if keep else f"{file}c", doraise=True, invalidation_mode=UNCHECKED)
        if not keep:
            file.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
