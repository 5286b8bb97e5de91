"""Lease: one push of a service at a time, anywhere in the cluster.

The holder renews it; one that is not renewed any more, because its push was killed, is taken over after `DURATION_S`,
by the waiting push's own clock. Every write of a push is refused by the cluster when another hand was faster, so
a holder that only seemed dead can do no harm either.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fairlead.cluster.connect import CONFLICT, NOT_FOUND
from fairlead.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.cluster.connect import Cluster

DURATION_S, RENEW_S, POLL_S = 10.0, 3.0, 0.5
API = "coordination.k8s.io/v1"


class Lease:
    """The right to push a service; get it with `hold`."""

    def __init__(self, cluster: Cluster, service: str, holder: str) -> None:
        self._cluster, self._holder = cluster, holder
        self._list = f"/apis/{API}/namespaces/{cluster.namespace}/leases"
        self._name = f"fairlead-push-{service}"
        self._body: dict[str, Any] = {}
        self._ended = threading.Event()
        self._lost = ""

    @classmethod
    @contextmanager
    def hold(cls, cluster: Cluster, service: str, holder: str, wait: float) -> Iterator[Lease]:
        """Waits for the lease, and keeps it until the end.

        Args:
            cluster: where the service is.
            service: its name.
            holder: the id of this push.
            wait: seconds that another push is given to end.

        Raises:
            ClusterError: another push holds it all that time.
        """
        lease = cls(cluster, service, holder)
        lease._take(wait)
        renewal = threading.Thread(target=lease._renew, name="lease", daemon=True)
        renewal.start()
        try:
            yield lease
        finally:
            lease._ended.set()
            renewal.join()
            lease._release()

    def check(self) -> None:
        """Before each write: this push is still the one.

        Raises:
            ClusterError: another took over.
        """
        if self._lost:
            advice = "see whether the cluster was away; the other push goes on"
            raise ClusterError("this push lost its lease to another", where=self._name, got=self._lost, do=advice)

    def _take(self, wait: float) -> None:
        deadline, seen, since = time.monotonic() + wait, None, time.monotonic()
        while not self._try(stale=time.monotonic() - since > DURATION_S):
            spec = self._body.get("spec", {})
            if spec != seen:
                seen, since = spec, time.monotonic()
            if time.monotonic() > deadline:
                got = f"held by {spec.get('holderIdentity')} since {spec.get('acquireTime')}"
                advice = "wait for it to end, and push again"
                raise ClusterError("another push of this service goes on", where=self._name, got=got, do=advice)
            time.sleep(POLL_S)

    def _try(self, *, stale: bool) -> bool:
        found = self._cluster.get(f"{self._list}/{self._name}")
        self._body = found or {}
        holder = self._body.get("spec", {}).get("holderIdentity", "")
        if holder not in ("", self._holder) and not stale:
            return False
        now = _now()
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": int(DURATION_S),
            "acquireTime": now,
            "renewTime": now,
        }
        try:
            self._body = self._write(spec, found)
        except ClusterError as error:  # another was faster
            if error.status != CONFLICT:
                raise
            return False
        return True

    def _write(self, spec: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
        if found:
            return self._cluster.replace(f"{self._list}/{self._name}", {**found, "spec": spec})
        body = {"apiVersion": API, "kind": "Lease", "metadata": {"name": self._name}, "spec": spec}
        return self._cluster.create(self._list, body)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_S):
            try:
                self._body = self._write({**self._body["spec"], "renewTime": _now()}, self._body)
            except ClusterError as error:
                with suppress(ClusterError):
                    self._look(error)

    def _look(self, error: ClusterError) -> None:
        """After a renewal that failed: lost for good only when another holds it."""
        found = self._cluster.get(f"{self._list}/{self._name}")
        if found and found["spec"].get("holderIdentity") == self._holder:
            self._body = found
        elif found or error.status in (CONFLICT, NOT_FOUND):
            self._lost = f"held by {found['spec'].get('holderIdentity')}" if found else "it is gone"

    def _release(self) -> None:
        """Takes it away; should that fail for long, it ends by itself."""
        deadline = time.monotonic() + DURATION_S
        with suppress(ClusterError):
            while self._body.get("spec", {}).get("holderIdentity") == self._holder and time.monotonic() < deadline:
                metadata = self._body["metadata"]
                precondition = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
                try:
                    self._cluster.delete(f"{self._list}/{self._name}", {"preconditions": precondition})
                    self._body = {}
                except ClusterError as error:
                    if error.status != CONFLICT:
                        raise
                    time.sleep(POLL_S)
                    self._body = self._cluster.get(f"{self._list}/{self._name}") or {}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
