"""A cluster's object store, as this machine reaches it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from fairlead.errors import ClusterError
from fairlead.object_store import Store

if TYPE_CHECKING:
    from fairlead.run.cluster_file import Storage

PATIENCE_S = 5.0


def open_store(storage: Storage) -> Store:
    """The store with its keys: those of the environment, else of the Secret that the cluster file names.

    Raises:
        ClusterError: there is no way to the Secret.
    """
    said = Store.from_environment()
    endpoint, region = said.endpoint or storage.endpoint, said.region or storage.region
    if said.access_key or not storage.secret:
        return Store(endpoint, region, said.access_key, said.secret_key, said.session_token)
    return Store(endpoint, region, *_keys_of(storage.secret))


def _keys_of(secret: str) -> tuple[str, str]:
    from fairlead.cluster.connect import Cluster

    namespace, _, name = secret.partition("/")
    advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or mend storage.secret in the cluster file"
    try:
        found = Cluster.connect(patience=PATIENCE_S).get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    except ClusterError as error:
        what = "there are no keys for the object store, and the Secret that holds them cannot be read"
        raise ClusterError(what, where=secret, got=error.got or error.what, do=advice, status=error.status) from None
    data = (found or {}).get("data", {})
    if not {"accesskey", "secretkey"} <= data.keys():
        got = f"keys {', '.join(data) or 'none'}" if found else "no such Secret"
        raise ClusterError("the Secret has no accesskey and secretkey", where=secret, got=got, do=advice)
    return _decoded(data["accesskey"]), _decoded(data["secretkey"])


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode()
