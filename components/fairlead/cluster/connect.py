"""Cluster: a Kubernetes API server, asked with patience.

Objects travel as JSON, under the paths that Kubernetes documents. An API server that restarts or sheds load is asked
again; what it refuses for good is told in its own words.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

from fairlead.cluster.server import in_a_pod, known_server, own_server
from fairlead.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cluster.server import Server

    Json = dict[str, Any]

#: Given by an API server that restarts, sheds load, or whose webhook does not answer.
PASSING = (429, 500, 502, 503, 504)
OK, REDIRECT, FORBIDDEN, NOT_FOUND, CONFLICT = 200, 300, 403, 404, 409
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


class Cluster:
    """One API server, as one user, make one with `connect`.

    Attributes:
        namespace: where things go unless a path says otherwise.
        inside: this process is a pod of the cluster, so that services answer by their names.
    """

    def __init__(self, server: Server, namespace: str, patience: float, *, inside: bool) -> None:
        self._server, self.namespace, self.inside = server, namespace, inside
        self._patience = patience

    @classmethod
    def connect(cls, namespace: str = "", patience: float = 60.0) -> Cluster:
        """The cluster that this process is in, else the one that KUBECONFIG names.

        Args:
            namespace: empty is the pod's own, or the context's.
            patience: seconds that an API server which fails or sheds load is asked again.

        Raises:
            ClusterError: there is neither.
        """
        inside = in_a_pod()
        server, own = own_server() if inside else known_server()
        return cls(server, namespace or own, patience, inside=inside)

    def get(self, path: str, **query: str) -> Json | None:
        """An object or list; None when there is none."""
        try:
            found: Json = self._ask("GET", path, query=query)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return found

    def items(self, path: str, **query: str) -> list[Json]:
        """The objects of a list."""
        found: list[Json] = (self.get(path, **query) or {}).get("items", [])
        return found

    def text(self, path: str, **query: str) -> str:
        """What is no JSON: a pod's log."""
        return str(self._ask("GET", path, query=query, read=str))

    def create(self, path: str, body: Json, **query: str) -> Json:
        """Adds an object to the list at this path."""
        return dict(self._ask("POST", path, body, query=query))

    def replace(self, path: str, body: Json) -> Json:
        """Writes an object that was read before; refused (409) when somebody wrote it in between."""
        return dict(self._ask("PUT", path, body))

    def patch(self, path: str, body: Json) -> Json:
        """Merges fields into an object; None takes one away."""
        return dict(self._ask("PATCH", path, body, content="application/merge-patch+json"))

    def delete(self, path: str, body: Json | None = None) -> None:
        """Removes an object; it is fine when there is none."""
        try:
            self._ask("DELETE", path, body)
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise

    def may(self, verb: str, resource: str, group: str = "", namespace: str = "", subresource: str = "") -> bool:
        """Whether this user may do that."""
        wanted = {"verb": verb, "resource": resource, "group": group, "subresource": subresource}
        spec = {"resourceAttributes": {**wanted, "namespace": namespace or self.namespace}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.create(path, {"spec": spec})["status"].get("allowed"))

    def once(self, method: str, path: str, body: Json | None = None) -> Any:
        """Asks without patience: for what lies behind the API server, whose failures are its own."""
        return self._ask(method, path, body, patience=0)

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: dict[str, str] | None = None,
        read: Callable[[str], Any] = json.loads,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Any:
        headers = {"Accept": "application/json, */*", "Content-Type": content}
        sent = None if body is None else json.dumps(body).encode()

        def once() -> tuple[int, str]:
            return self._server.ask(method, path, query or {}, sent, headers)

        where = f"{method} {self._server.url}{path}"
        return read(_patiently(once, where, self._patience if patience is None else patience))


def _patiently(once: Callable[[], tuple[int, str]], where: str, patience: float) -> str:
    """Asks again while the answer is one that passes.

    Raises:
        ClusterError: refused, or no good answer in time.
    """
    from urllib3.exceptions import HTTPError

    deadline, pause = time.monotonic() + patience, FIRST_PAUSE_S
    while True:
        try:
            status, text = once()
        except HTTPError as error:
            status, text = 0, str(error)
        if OK <= status < REDIRECT:
            return text
        if status not in (0, *PASSING) or time.monotonic() + pause > deadline:
            raise refusal(status, words(text), where)
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that many pushes do not come back together
        pause = min(2 * pause, LONGEST_PAUSE_S)


def words(body: str) -> str:
    """What an API server's refusal says, without its JSON."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()


def refusal(status: int, got: str, where: str) -> ClusterError:
    """The error for a status."""
    advice = {
        0: "see that the cluster is up: kubectl get --raw /readyz",
        401: "log in again, or renew the token",
        FORBIDDEN: "ask for the right; manifests/README.md names the Roles",
    }
    what = "the cluster refuses" if status else "the cluster does not answer"
    do = advice.get(status, "mend that and run again")
    if "webhook" in got:
        do = "see that KServe's controller runs: kubectl -n kserve get pods"
    return ClusterError(what, where=where, got=f"{status} {got}" if status else got, do=do, status=status)
