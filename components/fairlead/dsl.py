"""`@component`: declares a KFP component without importing kfp until a pipeline is composed or compiled.

`import kfp` costs half a second, most of it the Kubernetes client. A shim module stays cheap to import because its
annotations are text, and kfp's own decorator runs when the component is first used.
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Makes a task of the pipeline that is being composed."""
        return self.kfp(*args, **kwargs)

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
