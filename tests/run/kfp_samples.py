"""Pipelines for what a cluster's settings and files become, beside those of `run_samples`."""

# ruff: noqa: ANN201, ARG001 - signatures as users of KFP write them

from kfp import dsl, kubernetes

from fairlead.components import ingest_table, load_champion
from fairlead.dsl import NEEDS
from fairlead.images import TABULAR

component = dsl.component(base_image=TABULAR, install_kfp_package=False, packages_to_install=[])


@component
def work(number: int = 1) -> int:
    return number


@component
def other(data: dsl.Input[dsl.Artifact] = None, path: str = "") -> str:
    return path


@dsl.container_component
def shell_step():
    return dsl.ContainerSpec(image="debian:bookworm-slim", command=["true"])


@dsl.pipeline
def bare():
    work(number=2)
    with dsl.If(work().output == 1):
        work(number=3)
    shell_step()
    other()


def _set(task: dsl.PipelineTask) -> None:
    task.set_cpu_limit("500m").set_cpu_request("0.25").set_memory_limit("2Gi").set_memory_request("1G")
    task.set_accelerator_type("example.com/gpu").set_accelerator_limit(2)
    task.set_retry(3, backoff_duration="7s").set_env_variable("NAME", "value")
    kubernetes.use_secret_as_env(task, "vault", {"user": "USER", "key": "KEY"})
    kubernetes.set_image_pull_secrets(task, ["registry"])
    kubernetes.add_toleration(task, key="gpu", operator="Exists", effect="NoExecute", toleration_seconds=5)
    kubernetes.add_node_selector(task, "disk", "fast")
    kubernetes.add_pod_label(task, "team", "blue")
    kubernetes.add_pod_annotation(task, "note", "it")
    kubernetes.set_timeout(task, 60)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")
    kubernetes.set_security_context(task, run_as_non_root=True)


@dsl.pipeline(name="bare")
def by_kfp():
    _set(work(number=2))
    first = work()
    _set(first)
    with dsl.If(first.output == 1):
        _set(work(number=3))
    _set(shell_step())
    other()


@dsl.pipeline
def reaching():
    other()
    other().set_env_variable(NEEDS, "network")
    load_champion(name="x").set_caching_options(True)
    with dsl.If(other().output == "a"):
        other().set_env_variable(NEEDS, "machine")


@dsl.pipeline
def inside(schema: str, csv: str, name: str = "x"):
    table = dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact)
    other(data=table.output, path=schema)
    ingest_table(sources={"t": csv})


@dsl.pipeline
def outside(sources: dict, schema: str, extra: str, note: str, folder: str = ""):
    ingest_table(sources=sources)
    inside(schema=schema, csv=f"{extra}", name=note)
    with dsl.If(note == "yes"):
        table = dsl.importer(artifact_uri=folder, artifact_class=dsl.Artifact)
        other(data=table.output)
