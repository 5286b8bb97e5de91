"""Pipelines whose only work is to be run or compiled; written once in kfp and once in Fairlead."""

from kfp import dsl

from fairlead.dsl import component

IMAGE = "python:3.11-slim"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def kfp_step(number: int) -> int:
    """Adds one."""
    return number + 1


@component(image=IMAGE)
def fairlead_step(number: int) -> int:
    """Adds one."""
    return number + 1


def chain(step: object, length: int, name: str) -> object:
    """A pipeline of `length` steps, each fed by the one before."""

    @dsl.pipeline(name=name)
    def pipeline(number: int = 0) -> None:
        last = step(number=number)  # type: ignore[operator]  # either kind of component
        for _ in range(length - 1):
            last = step(number=last.output)  # type: ignore[operator]  # likewise

    return pipeline
