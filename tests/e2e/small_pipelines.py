"""Small pipelines for the runner's own tests on the cluster."""

# ruff: noqa: ANN201 - signatures as users of KFP write them

from kfp import dsl

from fairlead.components import check_table, ingest_table, split_table, train_lightgbm
from fairlead.dsl import NEEDS
from fairlead.images import TABULAR

component = dsl.component(base_image=TABULAR, install_kfp_package=False, packages_to_install=[])


@component
def tell(text: str) -> str:
    print("told", text)  # noqa: T201 - what the test looks for
    return text


@component
def fail(how: str) -> str:
    import os

    from fairlead.errors import DataError

    print("about to fail")  # noqa: T201 - what the test looks for
    if how == "told":
        raise DataError("a rule is broken", where="column 'x'", do="mend it", rows=[{"x": 1}], count=7)
    if how == "exit":
        os._exit(3)
    if how == "eat":
        return str(len(bytearray(1 << 30)))
    if how == "secret":
        return f"{os.environ['LENT']} {len(os.environ['HIDDEN'])}"
    raise ZeroDivisionError("oh no")


@component
def wait_long() -> None:
    import time

    print("waiting", flush=True)  # noqa: T201 - what the test looks for
    time.sleep(600)


@component
def outside_effect(text: str) -> str:
    return text


@dsl.pipeline
def small(table: str, schema: str, trees: int = 5):
    rows = ingest_table(sources={"t": table}).outputs["data"]
    reviewed = dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact)
    verdict = check_table(data=rows, schema=reviewed.output).outputs["verdict"]
    with dsl.If(verdict == "pass", name="data-is-valid"):
        split = split_table(data=rows, keys=["id"])
        train_lightgbm(
            train=split.outputs["train"],
            validation=split.outputs["validation"],
            target="y",
            task="regression",
            exclude=["id"],
            num_trees=trees,
        )
    outside_effect(text=verdict).set_env_variable(NEEDS, "network")


@dsl.pipeline
def failing(how: str):
    tell(text=fail(how=how).output)


@dsl.pipeline
def waiting():
    wait_long().after(tell(text="first"))


@dsl.pipeline
def looping(words: list):
    with dsl.ParallelFor(words) as word:
        tell(text=word)


@component
def look() -> str:
    return "never"


@dsl.pipeline
def without_image():
    look().set_container_image("fairlead/nobody:9.9.9")
