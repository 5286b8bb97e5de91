"""What a cluster's steps get, written into compiled IR: resources, retries, secrets by reference, and what is cached.

It works on IR, not on pipelines, so that a compiled .yaml gets the same. Each field is what kfp's own functions compile
to (`task.set_cpu_limit`, `kfp.kubernetes.use_secret_as_env`, ...), but for `optional: false`, which a plain 2.14
backend refuses and which means what leaving it out means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fairlead.catalogue import components
from fairlead.dsl import NEEDS
from fairlead.errors import ConfigError
from fairlead.run.cluster_file import ALL
from fairlead.run.kfp_runtime import load_compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.run.cluster_file import ClusterFile, StepSettings

    Json = dict[str, Any]

LABEL = re.compile(r"exec-(?P<name>.+?)(-\d+)?")
FUNCTION = "--function_to_execute"
MAY_BE_OPTIONAL = ("secret_as_env", "secret_as_volume", "config_map_as_env", "config_map_as_volume")


def apply_settings(spec: Json, platform: Json, cluster: ClusterFile) -> None:
    """Writes a cluster's settings into IR, in place.

    Args:
        spec: the pipeline's document.
        platform: the document after it; empty when there is none.
        cluster: whose `steps` are meant.

    Raises:
        ConfigError: a step of the cluster file is neither in this pipeline nor a component of fairlead.
    """
    load_compiler()
    executors = {label: item["container"] for label, item in _executors(spec).items() if "container" in item}
    names = {label: component_of(label, container) for label, container in executors.items()}
    _refuse_unknown(cluster, set(names.values()))
    given = _branch(platform, "platforms", "kubernetes", "deploymentSpec", "executors")
    for label, container in executors.items():
        settings = cluster.step(names[label])
        _set_container(container, settings)
        config = _kubernetes(given.get(label, {}), settings)
        given.pop(label, None)
        given.update({label: config} if config else {})
    for task, label in _tasks(spec):
        if label in executors:
            _set_retries(task, cluster.step(names[label]))
    if not given:
        platform.clear()


def limit_caching(spec: Json, parameters: frozenset[str] | None) -> None:
    """Turns KFP's cache off, in place, where it could be wrong.

    That is for steps that reach out (`needs`), whose effects and sources its key does not hold, and for those that are
    told where a file lies which anybody may overwrite.

    Args:
        spec: the pipeline's document.
        parameters: of the pipeline, that name such files; None turns the cache off for every step.
    """
    for task, label in _tasks(spec):
        env = _executors(spec).get(label, {}).get("container", {}).get("env", [])
        reaches_out = any(item["name"] == NEEDS and item.get("value") for item in env)
        if label and (parameters is None or reaches_out):
            task["cachingOptions"] = {}
    if parameters:
        _uncache_readers(spec, spec["root"], parameters)


def _uncache_readers(spec: Json, component: Json, parameters: frozenset[str]) -> None:
    """For every step that takes one of these parameters of the dag around it, however deep."""
    for task in component.get("dag", {}).get("tasks", {}).values():
        taken = task.get("inputs", {}).get("parameters", {})
        inner = frozenset(name for name, item in taken.items() if item.get("componentInputParameter") in parameters)
        body = spec["components"][task["componentRef"]["name"]]
        if inner and "dag" in body:
            _uncache_readers(spec, body, inner)
        elif inner:
            task["cachingOptions"] = {}


def component_of(label: str, container: Json) -> str:
    """The name of the component that an executor was compiled from."""
    arguments = container.get("args", [])
    if FUNCTION in arguments:
        return str(arguments[arguments.index(FUNCTION) + 1])
    named = LABEL.fullmatch(label)
    return (named["name"] if named else label).replace("-", "_")


def _executors(spec: Json) -> Json:
    found: Json = spec["deploymentSpec"].get("executors", {})
    return found


def _tasks(spec: Json) -> Iterator[tuple[Json, str]]:
    """Every task with its executor's label; "" for one that is a pipeline itself."""
    for component in (spec["root"], *spec.get("components", {}).values()):
        for task in component.get("dag", {}).get("tasks", {}).values():
            yield task, spec["components"][task["componentRef"]["name"]].get("executorLabel", "")


def _refuse_unknown(cluster: ClusterFile, here: set[str]) -> None:
    """A cluster file serves many pipelines: our own components may be named in it where they are not used."""
    from difflib import get_close_matches

    known = here | set(components()) | {ALL}
    for name in cluster.steps:
        if name.replace("-", "_") not in known:
            close = get_close_matches(name, sorted(known), n=1)
            advice = f"did you mean {close[0]!r}?" if close else "use one of those"
            got = f"{name!r}; the pipeline's are {', '.join(sorted(here))}"
            raise ConfigError("the cluster file names a step that is not there", where="steps", got=got, do=advice)


def _set_container(container: Json, settings: StepSettings) -> None:
    from kfp.compiler.compiler_utils import _cpu_to_float, _memory_to_float

    env = {item["name"]: item for item in container.get("env", [])}
    env |= {name: {"name": name, "value": value} for name, value in settings.env.items()}
    given: Json = {}
    for field, text in (("CpuLimit", settings.cpu), ("CpuRequest", settings.cpu_request)):
        given |= {f"{field[0].lower()}{field[1:]}": _cpu_to_float(text), f"resource{field}": text} if text else {}
    for field, text in (("MemoryLimit", settings.memory), ("MemoryRequest", settings.memory_request)):
        given |= {f"{field[0].lower()}{field[1:]}": _memory_to_float(text), f"resource{field}": text} if text else {}
    if settings.gpu:
        count, kind = str(settings.gpu), settings.gpu_type
        given["accelerator"] = {"count": count, "resourceCount": count, "type": kind, "resourceType": kind}
    if env:
        container["env"] = list(env.values())
    if given:
        container["resources"] = {**container.get("resources", {}), **given}


def _set_retries(task: Json, settings: StepSettings) -> None:
    if settings.retries:
        from google.protobuf.json_format import MessageToDict
        from kfp.dsl.structures import RetryPolicy

        policy = RetryPolicy(settings.retries, f"{settings.backoff_seconds}s" if settings.backoff_seconds else None)
        task["retryPolicy"] = MessageToDict(policy.to_proto())


def _kubernetes(given: Json, settings: StepSettings) -> Json:
    """An executor's Kubernetes part: what the pipeline says, and the settings over it."""
    from google.protobuf.json_format import MessageToDict, ParseDict
    from kfp.kubernetes import kubernetes_executor_config_pb2 as messages

    config = ParseDict(given, messages.KubernetesExecutorConfig())
    _add_secrets(config, settings)
    for toleration in settings.tolerations:
        config.tolerations.add(**toleration.model_dump(exclude_unset=True))
    config.node_selector.labels.update(settings.node_selector)
    config.pod_metadata.labels.update(settings.labels)
    config.pod_metadata.annotations.update(settings.annotations)
    if settings.ttl_seconds:
        config.active_deadline_seconds = settings.ttl_seconds
    if settings.image_pull_policy:
        config.image_pull_policy = settings.image_pull_policy
    if settings.run_as_non_root:
        config.security_context.run_as_non_root = True
    for item in (item for name in MAY_BE_OPTIONAL for item in getattr(config, name) if not item.optional):
        item.ClearField("optional")
    written: Json = MessageToDict(config)
    return {name: value for name, value in written.items() if value}


def _add_secrets(config: Any, settings: StepSettings) -> None:
    """Names Secrets; what is in them stays in the cluster."""
    for secret, keys in settings.secrets.items():
        added = config.secret_as_env.add(secret_name=secret)
        added.secret_name_parameter.runtime_value.constant.string_value = secret
        for key, variable in keys.items():
            added.key_to_env.add(secret_key=key, env_var=variable)
    for secret in settings.image_pull_secrets:
        config.image_pull_secret.add(
            secret_name=secret
        ).secret_name_parameter.runtime_value.constant.string_value = secret


def _branch(tree: Json, *names: str) -> Json:
    for name in names:
        tree = tree.setdefault(name, {})
    return tree
