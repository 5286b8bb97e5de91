"""Small pipelines for the runners' tests; each component is pure Python and ships its own source."""

# ruff: noqa: ANN201, ARG001, B006, RUF013, T201 - signatures as users of KFP write them

from typing import NamedTuple

from kfp import dsl
from run_shim import shim

from fairlead.dsl import NEEDS
from fairlead.images import TABULAR

component = dsl.component(base_image=TABULAR, install_kfp_package=False, packages_to_install=[])


@component
def make(
    data: dsl.Output[dsl.Dataset], rows: int = 3, scale: float = 2, names: list = [1, 2.5], options: dict = {"a": 1}
) -> NamedTuple("Outputs", [("verdict", str), ("good", bool), ("count", int)]):
    from pathlib import Path

    Path(data.path).mkdir()
    (Path(data.path) / "rows.txt").write_text("\n".join(f"{row * scale} {names} {options}" for row in range(rows)))
    data.metadata["rows"] = rows
    return ("pass" if rows > 2 else "fail", rows > 2, rows)


@component
def measure(data: dsl.Input[dsl.Dataset], copy: dsl.Output[dsl.Artifact], note: str = None) -> int:
    from pathlib import Path

    text = (Path(data.path) / "rows.txt").read_text()
    Path(copy.path).write_text(f"{text} {note} {data.metadata['rows']}")
    copy.metadata["letters"] = len(text)
    return len(text)


@component
def say(text: str = "default") -> str:
    print("says", text)
    return text


@component
def write_parameter(place: dsl.OutputPath(str), number: dsl.OutputPath(int)):
    from pathlib import Path

    Path(place).write_text("hello")
    Path(number).write_text("42")


@dsl.pipeline
def inner(data: dsl.Input[dsl.Dataset], text: str = "from inner") -> str:
    measure(data=data)
    return say(text=text).output


@dsl.pipeline(name="everything")
def everything(rows: int = 3, word: str = "hi") -> str:
    made = make(rows=rows)
    measured = measure(data=made.outputs["data"], note="n")
    with dsl.If(made.outputs["verdict"] == "pass"):
        yes = say(text=f"yes {word} {rows} {measured.outputs['Output']}")
    with dsl.Elif(made.outputs["count"] > 1):
        maybe = say(text="maybe")
    with dsl.Else():
        no = say(text="no")
    chosen = dsl.OneOf(yes.output, maybe.output, no.output)
    after = say(text=chosen)
    inner(data=made.outputs["data"]).after(after)
    inner(data=made.outputs["data"], text=word)
    shim(data=made.outputs["data"])
    write_parameter()
    with dsl.If(made.outputs["good"] == False):  # noqa: E712 - how KFP writes it
        bad = say(text="never").set_display_name("bad")
        say(text=bad.output)
    return chosen


@dsl.pipeline
def straight(rows: int = 3) -> str:
    made = make(rows=rows, names=[0.5], options={"a": "b"})  # kfp.local makes floats of ints in here
    measure(data=made.outputs["data"], note="n")
    return shim(data=made.outputs["data"]).outputs["verdict"]


@dsl.pipeline
def importing(path: str) -> int:
    table = dsl.importer(artifact_uri=path, artifact_class=dsl.Dataset, metadata={"rows": "7", "from": path})
    return measure(data=table.output).outputs["Output"]


@component
def fail(how: str) -> str:
    import os
    import signal

    from fairlead.errors import DataError

    print("about to fail")
    if how == "told":
        raise DataError("a rule is broken", where="column 'x'", do="mend it", rows=[{"x": 1}], count=7)
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raise":
        raise ZeroDivisionError("oh no")
    if how == "sys-exit":
        raise SystemExit(4)
    return "fine"


@component
def remember(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.pipeline
def failing(how: str):
    first = make()
    failed = fail(how=how).after(first)
    say(text=failed.output)


@dsl.pipeline
def guarded(how: str):
    with dsl.ExitHandler(remember()):
        say(text=fail(how=how).output)


def writes_home(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """A container sees nothing of FAIRLEAD_HOME otherwise."""
    return task.set_env_variable(NEEDS, "network")


@component
def flaky(counter: str) -> int:
    from pathlib import Path

    tries = len(Path(counter).read_text()) + 1 if Path(counter).exists() else 1
    Path(counter).write_text("x" * tries)
    if tries < 3:
        raise RuntimeError(f"try {tries}")
    return tries


@dsl.pipeline
def retrying(counter: str) -> int:
    return writes_home(flaky(counter=counter)).set_retry(2, backoff_duration="0s").output


@component
def read(data: dsl.Output[dsl.Dataset], path: str, trace: str):
    import hashlib
    from pathlib import Path

    content = Path(path).read_bytes()
    with Path(trace).open("a") as stream:
        stream.write("r")
    Path(data.path).write_bytes(content)
    source = {"uri": path, "path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    data.metadata["sources"] = [source]


@component
def count(data: dsl.Input[dsl.Dataset], trace: str) -> int:
    from pathlib import Path

    with Path(trace).open("a") as stream:
        stream.write("c")
    return len(Path(data.path).read_text())


@component
def train(out: dsl.Output[dsl.Model]) -> int:
    import lightgbm
    import numpy as np

    rows = np.random.default_rng(0).normal(size=(500, 4))
    model = lightgbm.train(
        {"num_threads": 2, "deterministic": True, "verbose": -1, "objective": "regression"},
        lightgbm.Dataset(rows[:, :3], rows[:, 3]),
        num_boost_round=5,
    )
    model.save_model(out.path)
    return model.num_trees()


@dsl.pipeline
def training() -> int:
    first = train()
    return train().after(first).outputs["Output"]


@component
def touch(trace: str, number: int):
    from pathlib import Path

    with Path(trace).open("a") as stream:
        stream.write("t")


@dsl.pipeline
def reading(path: str, trace: str) -> int:
    table = writes_home(read(path=path, trace=trace))
    counted = writes_home(count(data=table.outputs["data"], trace=trace))
    writes_home(touch(trace=trace, number=counted.output)).set_caching_options(False)
    return counted.output


@component
def wait_forever(started: str):
    import signal
    import subprocess
    from os import getpid
    from pathlib import Path

    child = subprocess.Popen(["sleep", "600"])
    draft = Path(f"{started}.draft")
    draft.write_text(f"{getpid()} {child.pid}")
    draft.rename(started)
    signal.pause()


@dsl.pipeline
def waiting(started: str):
    writes_home(wait_forever(started=started)).after(make())


@component
def leave_marks() -> str:
    import os
    import sys

    os.environ["LEFT_BEHIND"] = "yes"
    sys.modules["left_behind"] = sys
    return os.environ["GIVEN"]


@dsl.pipeline
def marking() -> str:
    return leave_marks().set_env_variable("GIVEN", "value").output


@component
def fill_disk(data: dsl.Output[dsl.Dataset], megabytes: int):
    from pathlib import Path

    Path(data.path).write_bytes(bytes(megabytes << 20))


@dsl.pipeline
def filling(megabytes: int):
    fill_disk(megabytes=megabytes)


@component
def empty(number: int = 0) -> int:
    return number


@dsl.pipeline
def five_empty():
    number = empty().output
    for _ in range(4):
        number = empty(number=number).output


@dsl.pipeline
def looping():
    with dsl.ParallelFor([1, 2]) as item:
        empty(number=item)


@dsl.container_component
def in_container():
    return dsl.ContainerSpec(image="alpine", command=["true"])


@dsl.pipeline
def containing():
    make()
    in_container()


@dsl.pipeline
def quoting(word: str = "a"):
    with dsl.If(word == "it's"):
        say()


@dsl.pipeline
def naming_the_job():
    say(text=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)
    say(text=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER)


@dsl.component(base_image="python:3.11", packages_to_install=["cowsay"])
def installs():
    pass


@dsl.pipeline
def installing():
    installs()


@dsl.pipeline
def typed(a: int, b: float = 1.5, c: str = "c", d: bool = True, e: list = [1], f: dict = {"k": 1}):
    make(rows=a, scale=b, names=e, options=f)
