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


def say_first_line() -> None:
    """A step whose logic says how long ago its container started, and what time it is."""
    import os
    import time
    from pathlib import Path

    up, first = (Path(name).read_text() for name in ("/proc/uptime", "/proc/1/stat"))
    began = int(first.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    print("first line", float(up.split()[0]) - began, time.time(), flush=True)


def in_turn(step: object, times: int, name: str) -> object:
    """A pipeline of one step several times, one after the other, none of them reused."""

    @dsl.pipeline(name=name)
    def pipeline() -> None:
        last = None
        for _ in range(times):
            task = step().set_caching_options(enable_caching=False)  # type: ignore[operator]  # either kind of component
            last = task.after(last) if last else task

    return pipeline
