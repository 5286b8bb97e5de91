"""A probe: a small object below the pipeline root, read by all who must read models there, and then removed."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.doctor.site import allowed
from fairlead.object_store import as_s3, remove, upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.site import Site

FILE = "probe.txt"


@dataclass(frozen=True)
class Probe:
    """One object, by the two names that it has.

    Attributes:
        name: of everything that is made for it.
        text: what the object says.
        launcher: its URI for KFP's launcher.
        s3: its URI for everybody else.
    """

    name: str
    text: str
    launcher: str
    s3: str

    @property
    def folder(self) -> str:
        """The URI that a storage initialiser fetches a model from."""
        return self.s3.rpartition("/")[0]


@contextmanager
def probe_object(site: Site) -> Iterator[Probe]:
    """Writes the object, and removes it at the end whatever happens.

    Raises:
        ClusterError: the store does not answer, or refuses.
    """
    name, text = f"fairlead-doctor-{secrets.token_hex(4)}", secrets.token_hex(16)
    root, mark, query = pipeline_root(site).partition("?")
    launcher = f"{root.rstrip('/')}/{name}/{FILE}"
    probe = Probe(name, text, f"{launcher}{mark}{query}", as_s3(launcher))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_text(text, "utf-8")
        try:
            upload(file, probe.s3, site.store)
            yield probe
        finally:
            remove(probe.folder, site.store)


def pipeline_root(site: Site) -> str:
    """Where runs put their artifacts, as KFP's launcher names it."""
    storage, cluster = site.settings.storage, site.cluster
    if cluster is not None:
        path = f"/api/v1/namespaces/{site.settings.namespace}/configmaps/kfp-launcher"
        found, _ = allowed(lambda: cluster.get(path))
        told = str(((found or {}).get("data") or {}).get("defaultPipelineRoot", ""))
        if told:
            return told
    scheme, _, rest = storage.inputs.partition("://")
    scheme = storage.importer_scheme if scheme == "s3" else scheme
    return f"{scheme}://{rest.partition('/')[0]}/v2/artifacts"
