"""Local files that a run reads, put where a cluster's steps can read them.

Two kinds of parameters name files, and no other value is ever taken for one:

    what a `dsl.importer` imports       stored as minio:// (or as the pipeline root is), for KFP's launcher to fetch
    the `sources` of a component        stored as s3://, for the step to fetch; `package:` lies in the step's image

Both are followed up to the pipeline's own parameters, through nested pipelines and f-strings; a path in the pipeline's
text is not. A value with `://` stays as it is. An object's key is the SHA-256 of its content, so that the same bytes
have the same URI: a cache that goes by URIs is right about them, and storing them again does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError
from fairlead.object_store import is_remote, upload
from fairlead.run.cache import digest_of_path
from fairlead.run.parameters import OF_INPUT, PLACEHOLDER
from fairlead.run.pipeline_ir import Constant, Dag, FromParent, Importer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.object_store import Store
    from fairlead.run.cluster_file import Storage
    from fairlead.run.pipeline_ir import Task

SOURCES = "sources"
PACKAGE = "package:"
IMPORTED, READ = "imported", "read"


def file_parameters(dag: Dag) -> dict[str, str]:
    """The parameters of a pipeline that name files, and whether they are "imported" or "read"."""
    found: dict[str, str] = {}
    for task in dag.tasks:
        for name, kind in _named_by(task):
            source = task.inputs.get(name)
            if isinstance(source, FromParent):
                found[source.name] = kind
            elif isinstance(source, Constant):
                inner = [task.inputs.get(inserted) for inserted in _inserted(source.value)]
                found |= {value.name: kind for value in inner if isinstance(value, FromParent)}
    return found


def _named_by(task: Task) -> Iterator[tuple[str, str]]:
    """The inputs of a task that name files."""
    body = task.component.body
    if isinstance(body, Importer):
        yield "uri", IMPORTED
    elif isinstance(body, Dag):
        yield from file_parameters(body).items()
    elif SOURCES in task.component.parameters:
        yield SOURCES, READ


def _inserted(value: Any) -> Iterator[str]:
    """The inputs that are inserted into a constant."""
    if isinstance(value, str):
        for place in PLACEHOLDER.finditer(value):
            if of_input := OF_INPUT.fullmatch(place["path"]):
                yield of_input["name"]
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _inserted(item)


def overwritable(dag: Dag, values: dict[str, Any]) -> frozenset[str]:
    """The parameters that name objects which anybody may overwrite: those that were remote before `store_files`."""
    return frozenset(name for name in file_parameters(dag) if any(map(is_remote, _texts(values.get(name)))))


def store_files(dag: Dag, values: dict[str, Any], storage: Storage, store: Store | None) -> dict[str, Any]:
    """Stores the local files that parameters name.

    Args:
        dag: the pipeline's.
        values: its parameters.
        storage: where files go.
        store: how it is reached; None stores nothing, and tells where files would go.

    Returns:
        The parameters, with URIs in place of paths.

    Raises:
        ConfigError: a parameter names a file that is not there.
        ClusterError: the store does not answer, or refuses.
    """
    kinds = {name: kind for name, kind in file_parameters(dag).items() if values.get(name)}
    return {**values, **{name: _stored(values[name], name, kind, storage, store) for name, kind in kinds.items()}}


def _stored(value: Any, name: str, kind: str, storage: Storage, store: Store | None) -> Any:
    if isinstance(value, dict):
        return {key: _stored(item, f"{name}.{key}", kind, storage, store) for key, item in value.items()}
    if isinstance(value, list):
        return [_stored(item, name, kind, storage, store) for item in value]
    text = value.removeprefix("file://") if isinstance(value, str) else ""
    if not text or "://" in text or text.startswith(PACKAGE):
        return value
    path = Path(text).expanduser()
    if not path.exists():
        raise ConfigError(f"parameter {name!r} names no file here", got=value, do="check the path")
    uri = f"{storage.inputs}/{digest_of_path(path)}/{path.absolute().name}"
    if store:
        upload(path, uri, store, replace=False)
    importable = kind == IMPORTED and uri.startswith("s3://")
    return f"{storage.importer_scheme}://{uri.removeprefix('s3://')}" if importable else uri


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
