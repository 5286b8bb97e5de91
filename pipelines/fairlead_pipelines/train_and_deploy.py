"""Raw files to a served, verified model: ingest, check, split, train, evaluate, register, push, promote."""

from kfp import dsl

from fairlead.components import (
    check_table,
    evaluate_model,
    ingest_table,
    load_champion,
    promote_model,
    push_model,
    register_model,
    split_table,
    train_lightgbm,
)


@dsl.pipeline(name="train-and-deploy", description="Raw files to a served, verified model.")
def train_and_deploy(
    sources: dict[str, str],
    schema: str,
    target: str,
    keys: list[str],
    model_name: str,
    service: str,
    query: str = "",
    types: dict[str, str] = {},
    task: str = "regression",
    exclude: list[str] = [],
    num_trees: int = 300,
    num_leaves: int = 63,
    learning_rate: float = 0.1,
    primary_metric: str = "rmse",
    thresholds: dict[str, float] = {},
    slices: list[str] = [],
    push_target: str = "local",
    port: int = 8080,
    namespace: str = "",
    latency_slo_ms: float = 0.0,
    tracking_uri: str = "",
) -> None:
    """Trains on raw files and, when data and model pass their gates, serves the model.

    Args:
        sources: table name to path, `package:NAME/PATH` or URI (s3://, gs://).
        schema: the reviewed schema file.
        target: the column to predict.
        keys: the columns that identify a row; their hash decides its side of the split.
        model_name: in the registry.
        service: the endpoint's name.
        query: SQL that joins the sources.
        types: column types over what the files show.
        task: regression or classification.
        exclude: columns that are no features.
        num_trees: the most boosting rounds.
        num_leaves: the most leaves of a tree.
        learning_rate: the weight of each tree.
        primary_metric: what candidate and champion are compared by.
        thresholds: metric to bound; the model must be within.
        slices: columns whose groups are evaluated apart.
        push_target: where the endpoint runs, local or kserve.
        port: of the endpoint, for target local.
        namespace: of the endpoint, for target kserve; empty is the run's own.
        latency_slo_ms: the greatest 99th percentile of the endpoint's latency, for target kserve; 0 asks for none.
        tracking_uri: MLflow; empty for a database on this machine.
    """
    ingested = ingest_table(sources=sources, query=query, types=types)
    reviewed = dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact)
    checked = check_table(data=ingested.outputs["data"], schema=reviewed.output)
    with dsl.If(checked.outputs["verdict"] == "pass", name="data-is-valid"):
        split = split_table(data=ingested.outputs["data"], keys=keys)
        trained = train_lightgbm(
            train=split.outputs["train"],
            validation=split.outputs["validation"],
            target=target,
            task=task,
            exclude=exclude,
            num_trees=num_trees,
            num_leaves=num_leaves,
            learning_rate=learning_rate,
        )
        champion = load_champion(name=model_name, tracking_uri=tracking_uri)
        evaluated = evaluate_model(
            model=trained.outputs["model"],
            test=split.outputs["test"],
            champion=champion.outputs["champion"],
            primary_metric=primary_metric,
            thresholds=thresholds,
            slices=slices,
        )
        with dsl.If(evaluated.outputs["decision"] == "promote", name="model-is-better"):
            registered = register_model(model=trained.outputs["model"], name=model_name, tracking_uri=tracking_uri)
            pushed = push_model(
                model=trained.outputs["model"],
                service=service,
                target=push_target,
                port=port,
                namespace=namespace,
                latency_slo_ms=latency_slo_ms,
                run=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
            )
            version = registered.outputs["version"]
            promote_model(name=model_name, version=version, tracking_uri=tracking_uri).after(pushed)
