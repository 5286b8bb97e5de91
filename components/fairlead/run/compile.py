"""From a pipeline's name or file to compiled IR; that of a name is kept, so a warm run imports no compiler."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairlead
from fairlead.artifacts.directory import digest_of, rename_file, sha256_of
from fairlead.errors import ConfigError
from fairlead.run.cache import default_cache
from fairlead.run.kfp_runtime import load_compiler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PIPELINES = "fairlead_pipelines"


def compile_pipeline(name_or_path: str | Path, cache: Path | None = None) -> Path:
    """Finds or makes the compiled IR of a pipeline.

    Args:
        name_or_path: the name of a pipeline of `fairlead_pipelines`, a compiled .yaml (taken as it is), or a .py file
            with a `@dsl.pipeline` function.
        cache: a folder for compiled files; by default the user's.

    Raises:
        ConfigError: there is no such pipeline, or it does not compile.
    """
    path, folder = Path(name_or_path), (cache or default_cache()) / "compiled"
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError("there is no compiled pipeline here", where=path, do="check the path")
        return path
    if path.suffix == ".py":
        return _compile(_pipeline_of(_load_file(path), path.stem), folder / f"{path.stem}-{sha256_of(path)[:16]}.yaml")
    name = str(name_or_path).replace("-", "_")
    if name not in pipeline_names():
        do = f"use one of {', '.join(pipeline_names()) or 'none'}, or give a .yaml or .py file"
        raise ConfigError("there is no pipeline of this name", got=name_or_path, do=do)
    compiled = folder / f"{name}-{_sources_digest()[:16]}.yaml"
    if not compiled.is_file():
        load_compiler()
        _compile(_pipeline_of(importlib.import_module(f"{PIPELINES}.{name}"), name), compiled)
    return compiled


def compile_component(component: Any, path: Path) -> Path:
    """Writes a component's YAML: what `kfp.components.load_component_from_file` reads."""
    load_compiler()
    return _compile(getattr(component, "kfp", component), path)


def pipeline_names() -> list[str]:
    """The pipelines that come with fairlead."""
    spec = importlib.util.find_spec(PIPELINES)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return sorted(file.stem for folder in folders for file in Path(folder).glob("[!_]*.py"))


def _sources_digest() -> str:
    """Of all that compiled IR is made of: the pipelines, the shims and their images."""
    package = Path(fairlead.__file__).parent
    spec = importlib.util.find_spec(PIPELINES)
    files = [
        file for folder in (spec.submodule_search_locations or [] if spec else []) for file in Path(folder).glob("*.py")
    ]
    files += [*package.glob("*/component.py"), package / "dsl.py", package / "images.py", package / "__init__.py"]
    return digest_of({str(file): sha256_of(file) for file in sorted(files)})


def _compile(pipeline: Any, path: Path) -> Path:
    """Writes IR at once or not at all."""
    compiler = load_compiler()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(suffix=".yaml", dir=path.parent)
    os.close(handle)
    try:
        compiler().compile(pipeline, draft)
        rename_file(Path(draft), path)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "the pipeline does not compile", where=path.stem, got=error, do="mend the pipeline"
        ) from error
    finally:
        Path(draft).unlink(missing_ok=True)
    return path


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError("there is no pipeline file here", where=path, do="check the path")
    load_compiler()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError("the pipeline file cannot be loaded", where=path, do="give a Python file")
    module = importlib.util.module_from_spec(spec)
    with _beside(path.parent):
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # the user's file; Python's own words say what is wrong
            got = f"{type(error).__name__}: {error}"
            raise ConfigError("the pipeline file cannot be loaded", where=path, got=got, do="mend the file") from error
    return module


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Lets a file import its neighbours, as `python FILE` does."""
    sys.path.insert(0, str(folder.absolute()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.absolute()))


def _pipeline_of(module: ModuleType, name: str) -> Any:
    """The pipeline of that name in a module, or its only one."""
    from kfp.dsl.graph_component import GraphComponent

    found = {key: value for key, value in vars(module).items() if type(value) is GraphComponent}
    if name in found:
        return found[name]
    if len(found) == 1:
        return next(iter(found.values()))
    got = ", ".join(found) or "no @dsl.pipeline function"
    raise ConfigError(
        f"there is no pipeline {name!r} in this module", where=module.__file__, got=got, do=f"define {name}"
    )
