"""The object store: as this machine reaches it, and as KServe's storage initialiser is told to."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import PREDICTOR_ACCOUNT, allowed
from fairlead.errors import FairleadError
from fairlead.object_store import exists
from fairlead.push.kserve.preflight import kserve_config
from fairlead.run.cluster_store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.cluster.connect import Cluster
    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Json, Site

ACCOUNT, SECRET = "account of predictors", "keys of predictors"
KEYS = ("awsAccessKeyID", "awsSecretAccessKey")  # as KServe calls them unless its configuration does otherwise
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # where a command takes them from
NOTE = "serving.kserve.io/s3-"
#: Annotations of an account that a cloud gives rights by, without keys.
ROLES = ("eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id")


def check_store(site: Site) -> Iterator[Finding]:
    """This machine may look where a run's files go."""
    storage = site.settings.storage
    store = open_store(storage)
    site.keep_secret(store.secret_key, store.session_token)
    exists(storage.inputs, store)
    site.store = store
    yield ok("object store from here", f"{storage.inputs} at {store.endpoint or 'the cloud itself'}")


def check_predictor_account(site: Site) -> Iterator[Finding]:
    """Predictors' account names a Secret with keys and the store's address, or has rights by a role."""
    cluster, models = site.api, site.settings.models
    path = f"/api/v1/namespaces/{models}/serviceaccounts/{PREDICTOR_ACCOUNT}"
    account, may = allowed(lambda: cluster.get(path))
    if not may:
        yield skip(ACCOUNT, f"this user may not look at {models}/{PREDICTOR_ACCOUNT}")
        return
    if not account:
        by = f"kubectl -n {models} create serviceaccount {PREDICTOR_ACCOUNT}"
        yield fix(ACCOUNT, f"there is no {PREDICTOR_ACCOUNT} in {models}; without it no predictor starts", by)
        return
    roles = [name for name in ROLES if name in (account["metadata"].get("annotations") or {})]
    names = [item["name"] for item in account.get("secrets", [])]
    if not names and not roles:
        names_it = '{"secrets": [{"name": "fairlead-storage"}]}'
        by = f"kubectl -n {models} patch serviceaccount {PREDICTOR_ACCOUNT} -p '{names_it}'"
        yield fix(ACCOUNT, f"{PREDICTOR_ACCOUNT} names no Secret with the object store's keys", by)
        return
    yield ok(ACCOUNT, f"{models}/{PREDICTOR_ACCOUNT}, by {', '.join([*names, *roles])}")
    for name in names:
        yield from _secret(site, cluster, name)


def _secret(site: Site, cluster: Cluster, name: str) -> Iterator[Finding]:
    models = site.settings.models
    secret, may = allowed(lambda: cluster.get(f"/api/v1/namespaces/{models}/secrets/{name}"))
    if not may:
        yield skip(SECRET, f"this user may not read {models}/{name}; the probe below uses it")
        return
    keys = _key_names(cluster)
    if not secret:
        yield fix(SECRET, f"there is no Secret {name} in {models}", _make_secret(site, name, keys))
        return
    data, notes = secret.get("data") or {}, secret["metadata"].get("annotations") or {}
    site.keep_secret(*(base64.b64decode(data[key]).decode("utf-8", "replace") for key in keys[1:] if key in data))
    lacking = [key for key in keys if key not in data]
    if lacking:
        got = f"{name} lacks {', '.join(lacking)}; KServe takes no others"
        yield fix(SECRET, got, _put_keys(models, name, keys))
    elif site.settings.storage.importer_scheme == "minio" and f"{NOTE}endpoint" not in notes:
        got = f"{name} does not say where the store is: no annotation {NOTE}endpoint, so Amazon's own is asked"
        yield fix(SECRET, got, _note(models, name))
    else:
        yield ok(SECRET, f"{name}, for {notes.get(f'{NOTE}endpoint', 'the cloud itself')}")


def _key_names(cluster: Cluster) -> tuple[str, ...]:
    """What KServe's configuration calls the two keys in a Secret."""
    try:
        told: Json = json.loads((kserve_config(cluster) or {})["credentials"])["s3"]
    except (FairleadError, KeyError, ValueError):
        return VARIABLES
    return told.get("s3AccessKeyIDName", KEYS[0]), told.get("s3SecretAccessKeyName", KEYS[1])


def _make_secret(site: Site, name: str, keys: tuple[str, ...]) -> str:
    models = site.settings.models
    return f"kubectl -n {models} {_create(name, keys)} && {_note(models, name)}"


def _create(name: str, keys: tuple[str, ...]) -> str:
    access, secret = (f'{key}="${variable}"' for key, variable in zip(keys, VARIABLES, strict=True))
    return f"create secret generic {name} --from-literal={access} --from-literal={secret}"


def _note(models: str, name: str) -> str:
    """Upstream's MinIO; another store has another address."""
    notes = f"{NOTE}endpoint=minio-service.kubeflow:9000 {NOTE}usehttps=0 {NOTE}region=us-east-1"
    return f"kubectl -n {models} annotate secret {name} {notes}"


def _put_keys(models: str, name: str, keys: tuple[str, ...]) -> str:
    made = f"kubectl {_create(name, keys)} --dry-run=client -o yaml"
    return f"{made} | kubectl -n {models} patch secret {name} --patch-file=/dev/stdin"


def put_keys(site: Site) -> str:
    """The command that gives predictors other keys."""
    cluster, models = site.api, site.settings.models
    account, _ = allowed(lambda: cluster.get(f"/api/v1/namespaces/{models}/serviceaccounts/{PREDICTOR_ACCOUNT}"))
    names = [item["name"] for item in (account or {}).get("secrets", [])] or ["fairlead-storage"]
    return _put_keys(models, names[0], _key_names(cluster))
