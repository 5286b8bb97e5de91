"""Kfp in two sizes: the step executor alone (0.04 s to import), or all of it with the compiler (0.5 s)."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAG = "_KFP_RUNTIME"


def load_executor() -> Any:
    """Kfp's own `Executor`; a kfp that is already there is taken as it is."""
    if "kfp" not in sys.modules:
        with _flag("true"):
            importlib.import_module("kfp.dsl.executor")
    return importlib.import_module("kfp.dsl.executor").Executor


def load_compiler() -> Any:
    """Kfp's `Compiler`, with all of `kfp.dsl` there for pipelines to import, whatever was loaded before."""
    with _flag(None):
        import kfp.dsl

        if not hasattr(kfp.dsl, "component"):
            importlib.reload(kfp.dsl)  # the submodules stay as they are, so classes keep their identity
            importlib.reload(kfp)
        from kfp.compiler import Compiler
    return Compiler


@contextmanager
def _flag(value: str | None) -> Iterator[None]:
    """Sets or clears the variable that tells kfp its size, for the time of an import."""
    before = os.environ.pop(FLAG, None)
    if value is not None:
        os.environ[FLAG] = value
    try:
        yield
    finally:
        os.environ.pop(FLAG, None)
        if before is not None:
            os.environ[FLAG] = before
