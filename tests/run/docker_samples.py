"""Pipelines that look at the container around them."""

# ruff: noqa: ANN201, S108, PTH110, PTH111 - signatures as users of KFP write them; places that a step tries

from kfp import dsl

from fairlead.components import ingest_table
from fairlead.dsl import NEEDS
from fairlead.images import TABULAR

component = dsl.component(base_image=TABULAR, install_kfp_package=False, packages_to_install=[])


@component
def look(files: list = []) -> dict:  # noqa: B006 - compiled into IR
    import os
    from pathlib import Path

    def writes(folder: str) -> bool:
        try:
            (Path(folder) / "probe").write_text("x")
        except OSError:
            return False
        return True

    lines = [line.partition(":") for line in Path("/proc/self/status").read_text().splitlines()]
    status = {name: value.strip() for name, _, value in lines}
    return {
        "user": f"{os.getuid()}:{os.getgid()}",
        "capabilities": [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
        "no_new_privileges": status["NoNewPrivs"],
        "written": [folder for folder in ("/", "/etc", "/usr/local", "/opt", "/var/tmp", "/tmp") if writes(folder)],
        "interfaces": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "folder": str(Path.cwd()),
        "seen": [name for name in files if os.path.exists(os.path.expanduser(name))],
        "variables": sorted(os.environ),
    }


@component
def call(port: int) -> str:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(100).decode()
    except OSError as error:
        return type(error).__name__


@component
def make(data: dsl.Output[dsl.Dataset]):
    from pathlib import Path

    Path(data.path).mkdir()
    (Path(data.path) / "rows.txt").write_text("1")


@component
def spoil(data: dsl.Input[dsl.Dataset]) -> str:
    from pathlib import Path

    try:
        (Path(data.path) / "rows.txt").write_text("2")
    except OSError as error:
        return str(error.strerror)
    return "written"


@component
def eat(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


@component
def read_package(data: dsl.Output[dsl.Dataset]):
    from pathlib import Path

    from fairlead.artifacts.source import Source

    Path("/tmp/table.csv").write_text("a")  # stands for a package's file: it is in the container alone
    Path(data.path).write_text("a")
    data.metadata["sources"] = [Source.of("package:p/table.csv", Path("/tmp/table.csv")).as_dict()]


@component
def who() -> int:
    from os import getpid

    return getpid()


@dsl.pipeline
def looking(files: list = []) -> dict:  # noqa: B006 - compiled into IR
    return look(files=files).output


@dsl.pipeline
def calling(port: int):
    call(port=port)
    call(port=port).set_env_variable(NEEDS, "network")


@dsl.pipeline
def spoiling() -> str:
    return spoil(data=make().outputs["data"]).output


@dsl.pipeline
def eating(megabytes: int) -> int:
    make()
    return eat(megabytes=megabytes).output


@dsl.pipeline
def reading_package():
    read_package()


@dsl.pipeline
def asking():
    who()
    who().set_env_variable(NEEDS, "machine")


@dsl.pipeline
def ingesting(sources: dict):
    ingest_table(sources=sources)
