"""A pipeline that makes every kind of pod. kfp reads annotations, so they are no strings here."""

from kfp import dsl

from fairlead.images import TABULAR


@dsl.component(base_image=TABULAR, install_kfp_package=False)
def who(text: str, data: dsl.Output[dsl.Dataset]) -> str:
    """Writes an artifact, and tells its user."""
    import os
    from pathlib import Path

    Path(data.path).write_text(text, "utf-8")
    return str(os.getuid())


@dsl.component(base_image=TABULAR, install_kfp_package=False)
def read(data: dsl.Input[dsl.Dataset]) -> str:
    """Reads one."""
    from pathlib import Path

    return Path(data.path).read_text("utf-8")


@dsl.component(base_image=TABULAR, install_kfp_package=False)
def goodbye() -> str:
    """Runs last."""
    return "goodbye"


@dsl.pipeline(name="restricted")
def every_kind_of_pod(uri: str) -> None:
    """Drivers, an importer, a step, a step with retries, one in a loop, a condition, an exit handler."""
    with dsl.ExitHandler(goodbye()):
        user = who(text="hello").set_retry(1)
        read(data=user.outputs["data"])
        dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
        with dsl.If(user.outputs["Output"] == "1000"), dsl.ParallelFor(["once"]) as text:
            who(text=text)
