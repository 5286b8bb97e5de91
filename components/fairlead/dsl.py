"""`@component`: declares a KFP component without importing kfp until a pipeline is composed or compiled.

`import kfp` costs half a second, most of it the Kubernetes client. A shim module stays cheap to import because its
annotations are text, and kfp's own decorator runs when the component is first used.

KFP's cache key holds a step's parameters, image and command, and of an input artifact its id in ML Metadata, never its
bytes (read in 2.14.3: `GenerateCacheKey` takes the RuntimeArtifact's name, which the driver fills with the id). A URI
that is imported keeps its id, whatever lies there by then. So the fingerprint of an artifact's content travels beside
it as a parameter, and a step whose effects or sources lie outside is never cached.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    Needs = Literal["", "network", "machine"]

#: The environment variable that carries a component's needs through IR to whoever runs its container.
NEEDS = "FAIRLEAD_NEEDS"
#: What the parameter beside an artifact is called, after the artifact's own name.
FINGERPRINT = "_fingerprint"


class Component:
    """A component that becomes kfp's own when it is called, compiled or looked into.

    Args:
        function: the shim; kfp ships its source.
        image: the image it runs in; everything it needs is inside.
        needs: what it reaches beyond its inputs and outputs, see `component`.
    """

    def __init__(self, function: Callable[..., Any], image: str, needs: Needs = "") -> None:
        self.__wrapped__, self.image, self.needs = function, image, needs
        self.__name__, self.__doc__, self.__module__ = (
            function.__name__,
            function.__doc__,
            function.__module__,
        )

    @functools.cached_property
    def kfp(self) -> Any:
        """The kfp component."""
        from kfp import dsl

        made = dsl.component(base_image=self.image, packages_to_install=[], install_kfp_package=False)(
            _with_annotations(self.__wrapped__)
        )
        if self.needs:
            made.component_spec.implementation.container.env = {NEEDS: self.needs}
        return made

    @functools.cached_property
    def fingerprinted(self) -> list[str]:
        """The input artifacts that it takes with their fingerprints."""
        inputs = self.kfp.component_spec.inputs or {}
        return [name for name in inputs if f"{name}{FINGERPRINT}" in inputs]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Makes a task of the pipeline that is being composed.

        Fingerprints that the caller leaves out are those of the tasks that write the artifacts. Who knows better may
        still turn the cache on for a step that has needs.
        """
        beside = {f"{name}{FINGERPRINT}": fingerprint_beside(kwargs.get(name)) for name in self.fingerprinted}
        known = {name: value for name, value in beside.items() if value is not None}
        task = self.kfp(*args, **{**known, **kwargs})
        return task.set_caching_options(enable_caching=False) if self.needs and task.state.name == "FUTURE" else task

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.kfp, name)

    @property
    def __class__(self) -> type:  # kfp's compiler asks isinstance(component, BaseComponent)
        """Kfp's own class, once kfp is there to ask."""
        import sys

        module = sys.modules.get("kfp.dsl.python_component")
        return module.PythonComponent if module else Component

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError


def fingerprint_beside(artifact: Any) -> Any:
    """What a pipeline knows an artifact's content by.

    Args:
        artifact: an argument of a task.

    Returns:
        The output of the task that writes it; for an importer the URI; None where there is nothing: for an input of the
        pipeline, a list, a OneOf, or the artifact of a component that gives no fingerprint.
    """
    from kfp.dsl.pipeline_channel import PipelineArtifactChannel

    task = artifact.task if type(artifact) is PipelineArtifactChannel else None
    if task is None:
        return None
    return task.inputs["uri"] if task.importer_spec else task.outputs.get(f"{artifact.name}{FINGERPRINT}")


def _with_annotations(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with its annotations as objects, which is how kfp reads them."""
    import types
    import typing

    from kfp import dsl

    names = {**vars(typing), **vars(dsl), **function.__globals__}
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__doc__, copy.__module__ = function.__doc__, function.__module__
    copy.__annotations__ = {
        name: eval(kind, names) if isinstance(kind, str) else kind  # noqa: S307 - the author's own annotations
        for name, kind in function.__annotations__.items()
    }
    return copy


def component(*, image: str, needs: Needs = "") -> Callable[[Callable[..., Any]], Component]:
    """Declares a shim as a component of an image; the image holds all it needs, so nothing is installed at start.

    Args:
        image: that the step runs in.
        needs: what its job reaches beyond its inputs and outputs: nothing, so that it runs with the network off; the
            "network"; or the "machine" that the run is on, so that a container cannot do it. Compiled IR keeps it.
    """

    def declare(function: Callable[..., Any]) -> Component:
        return Component(function, image, needs)

    return declare
