"""IR YAML on disk: a pipeline, a component, or all there are."""

from __future__ import annotations

import shutil
from pathlib import Path

from fairlead.catalogue import component_named, components
from fairlead.relocate import relocate
from fairlead.run.compile import compile_component, compile_pipeline, pipeline_names


def compile_files(name: str, out: Path, registry: str = "") -> list[Path]:
    """Writes `out/NAME.yaml` for a pipeline and `out/components/NAME.yaml` for a component.

    Args:
        name: of a pipeline or component, or a pipeline's .py file; "" writes every pipeline and component.
        out: the folder to write into.
        registry: that every image is taken from; "" leaves their names.

    Returns:
        The files written.

    Raises:
        ConfigError: there is neither a pipeline nor a component of that name, or the registry is none.
    """
    names = [name] if name else [*pipeline_names(), *components()]
    paths = [_compile(each, out) for each in names]
    for path in paths:
        path.write_text(relocate(path.read_text("utf-8"), registry), "utf-8")
    return paths


def _compile(name: str, out: Path) -> Path:
    if name.replace("-", "_") in pipeline_names() or Path(name).suffix == ".py":
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(compile_pipeline(name), out / f"{Path(name).stem.replace('-', '_')}.yaml"))
    component = component_named(name)
    return compile_component(component, out / "components" / f"{component.__name__}.yaml")
