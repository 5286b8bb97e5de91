"""Pipelines of our components, composed in the ways that kfp has."""

# ruff: noqa: ANN201 - signatures as users of KFP write them

from typing import NamedTuple

from kfp import dsl

from fairlead.components import (
    check_table,
    evaluate_model,
    infer_schema,
    ingest_table,
    load_champion,
    promote_model,
    push_model,
    register_model,
    split_table,
    train_lightgbm,
    train_sklearn,
)

component = dsl.component(base_image="python:3.11-slim", install_kfp_package=False)


@component
def foreign(data: dsl.Output[dsl.Dataset]):
    pass


@component
def remember(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.pipeline
def plain(csv: str, schema: str):
    rows = ingest_table(sources={"rows": csv}).outputs["data"]
    check_table(data=rows, schema=infer_schema(data=rows).outputs["schema"])
    check_table(data=rows, schema=dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact).output)
    check_table(data=rows, schema=dsl.importer(artifact_uri="s3://ours/schema", artifact_class=dsl.Artifact).output)


@dsl.pipeline
def conditional(csv: str, kind: str):
    split = split_table(data=ingest_table(sources={"rows": csv}).outputs["data"], keys=["id"]).outputs
    train, validation = split["train"], split["validation"]
    with dsl.If(kind == "trees"):
        trees = train_lightgbm(train=train, validation=validation, target="y", task="regression")
    with dsl.Else():
        linear = train_sklearn(train=train, validation=validation, target="y", task="regression")
    model = dsl.OneOf(trees.outputs["model"], linear.outputs["model"])
    evaluate_model(model=model, test=split["test"], champion=load_champion(name="m").outputs["champion"])


class Fitted(NamedTuple):
    model: dsl.Model
    model_fingerprint: str


@dsl.pipeline
def fit(data: dsl.Input[dsl.Dataset]) -> Fitted:
    split = split_table(data=data, keys=["id"]).outputs
    fitted = train_sklearn(train=split["train"], validation=split["validation"], target="y", task="regression").outputs
    return Fitted(model=fitted["model"], model_fingerprint=fitted["model_fingerprint"])


@dsl.pipeline
def nested(csv: str):
    with dsl.ExitHandler(remember()):
        rows = ingest_table(sources={"rows": csv}).outputs["data"]
        model = fit(data=rows).outputs["model"]
        evaluate_model(model=model, test=rows, champion=load_champion(name="m").outputs["champion"])


@dsl.pipeline
def looping(csv: str):
    split = split_table(data=ingest_table(sources={"rows": csv}).outputs["data"], keys=["id"]).outputs
    with dsl.ParallelFor(["y", "z"]) as target:
        model = train_sklearn(train=split["train"], validation=split["validation"], target=target, task="regression")
        evaluate_model(model=model.outputs["model"], test=split["test"], champion=model.outputs["model"])


@dsl.pipeline
def given(csv: str):
    split_table(data=foreign().outputs["data"], keys=["id"])
    split_table(data=ingest_table(sources={"rows": csv}).outputs["data"], keys=["id"], data_fingerprint="mine")


@dsl.pipeline
def outside():
    champion = load_champion(name="m").outputs["champion"]
    register_model(model=champion, name="m").set_caching_options(enable_caching=True)
    promote_model(name="m", version="1").after(push_model(model=champion, service="m"))


@dsl.pipeline
def every(csv: str):
    rows = ingest_table(sources={"rows": csv}).outputs["data"]
    check_table(data=rows, schema=infer_schema(data=rows).outputs["schema"])
    split = split_table(data=rows, keys=["id"]).outputs
    settings = {"target": "delay", "task": "regression", "exclude": ["id"]}
    trees = train_lightgbm(train=split["train"], validation=split["validation"], **settings).outputs["model"]
    linear = train_sklearn(train=split["train"], validation=split["validation"], **settings).outputs["model"]
    registered = register_model(model=trees, name="m")
    promoted = promote_model(name="m", version=registered.outputs["version"])
    champion = load_champion(name="m").after(promoted).outputs["champion"]
    evaluate_model(model=linear, test=split["test"], champion=champion)


@component
def add_a_row(data: dsl.Input[dsl.Dataset]):
    from pathlib import Path

    import pyarrow as pa

    from fairlead.artifacts.dataset import Dataset, write_table

    table = Dataset.open(Path(data.path)).table()
    write_table(Path(data.path), pa.concat_tables([table, table.slice(0, 1)]))


@dsl.pipeline
def meddled(csv: str):
    rows = ingest_table(sources={"rows": csv}).outputs["data"]
    split_table(data=rows, keys=["id"]).after(add_a_row(data=rows))
