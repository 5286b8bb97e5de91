"""Kubeflow Pipelines' REST API, asked with patience.

What is only read is asked again when the server does not answer, or fails. What makes something is asked once.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.run.cluster_file import ClusterFile

    Json = dict[str, Any]

TIMEOUT_S = (5.0, 60.0)  # to connect, to answer
PATIENCE_S, FIRST_S, PAUSE_S = 30.0, 5.0, 1.0
PASSING = (429, 502, 503, 504)
NOT_FOUND = 404
PAGE = "100"
LONG = 400  # of a refusal's words
V2 = "/apis/v2beta1"


class KfpApi:
    """One Kubeflow Pipelines, as one user, make one with `connect`.

    Args:
        host: its address.
        token: a bearer token; empty sends none.
        patience: seconds that a server which does not answer is asked again.
    """

    def __init__(self, host: str, token: str = "", patience: float = PATIENCE_S) -> None:
        import requests

        self.host, self.namespace, self._patience = host, "", patience
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"Bearer {token}"} if token else {})

    @classmethod
    def connect(cls, cluster: ClusterFile, patience: float = PATIENCE_S) -> KfpApi:
        """The one that a cluster file names, once it has answered.

        Raises:
            ConfigError: the token's file cannot be read.
            ClusterError: nothing answers there, or something else than Kubeflow Pipelines does, or it refuses.
        """
        api = cls(cluster.host, cluster.token(), min(patience, FIRST_S))  # a wrong address should be told soon
        try:
            health = api.get(f"{V2}/healthz")
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
            health = None
        if not health or "multi_user" not in health:
            advice = "check host in the cluster file: the address before /apis; kubectl -n kubeflow get svc ml-pipeline"
            raise ClusterError(
                "this is not Kubeflow Pipelines", where=api.host, got="no /apis/v2beta1/healthz", do=advice
            )
        api._patience = patience
        api.namespace = cluster.namespace if health["multi_user"] else ""  # a single-user server refuses to be told
        return api

    @property
    def spot(self) -> dict[str, str]:
        """The namespace as a parameter, where there is more than one."""
        return {"namespace": self.namespace} if self.namespace else {}

    def get(self, path: str, **query: str) -> Json:
        """A JSON answer."""
        return self._json("GET", path, params=query)

    def find(self, path: str, **query: str) -> Json | None:
        """A JSON answer; None when there is no such thing."""
        try:
            return self.get(path, **query)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def items(self, path: str, kind: str, **query: str) -> Iterator[Json]:
        """Everything on every page of a list, `kind` being its name in the answer."""
        token = ""
        while True:
            page = self.get(path, page_size=PAGE, page_token=token, **query)
            yield from page.get(kind, [])
            token = page.get("next_page_token", "")
            if not token:
                return

    def post(self, path: str, body: Json | None = None, **query: str) -> Json:
        """Makes or changes something."""
        return self._json("POST", path, params=query, json=body or {})

    def delete(self, path: str) -> None:
        """Takes something away."""
        self._json("DELETE", path)

    def upload(self, path: str, content: str, **query: str) -> Json:
        """Sends a file as a browser's form does."""
        form = {"uploadfile": ("pipeline.yaml", content.encode(), "application/yaml")}
        return self._json("POST", path, params=query, files=form)

    def text(self, path: str) -> str:
        """What is no JSON: a step's log."""
        return str(self._ask("GET", path).content.decode("utf-8", "replace"))

    def _json(self, method: str, path: str, **request: Any) -> Json:
        answer = self._ask(method, path, **request)
        try:
            found = answer.json() if answer.content else {}
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        kind = answer.headers.get("Content-Type", "no type")
        advice = "log in: set token_file; or check host in the cluster file"
        raise ClusterError("this is not Kubeflow Pipelines' API", where=answer.url, got=kind, do=advice)

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        """One answer that is no refusal.

        Raises:
            ClusterError: refused, or no good answer in time.
        """
        from requests import RequestException

        where, deadline = f"{method} {self.host}{path}", time.monotonic() + self._patience
        while True:
            try:
                answer = self._session.request(method, f"{self.host}{path}", timeout=TIMEOUT_S, **request)
                if answer.ok:
                    return answer
                failure = refusal(answer.status_code, answer.text, where)
            except RequestException as error:
                failure = refusal(0, _reason(error), where)
            again = method == "GET" and failure.status in (0, *PASSING)
            if not again or time.monotonic() + PAUSE_S > deadline:
                raise failure from None
            time.sleep(PAUSE_S)


def _reason(error: Exception) -> str:
    """What is at the bottom of a lost connection, without the names of the classes around it."""
    while isinstance(error.args[0] if error.args else None, Exception):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return str(reason or error).rpartition(": ")[2]


def refusal(status: int, body: str, where: str) -> ClusterError:
    """The error for a status; `body` is the server's."""
    if not status:
        advice = "see that it is up and that host in the cluster file is its address from here"
        return ClusterError("Kubeflow Pipelines does not answer", where=where, got=body, do=advice)
    advice = {
        401: "log in again and write the new token to token_file of the cluster file",
        403: "ask for rights in this namespace, or name another in the cluster file",
        404: "check the cluster file",
    }.get(status, "mend that and run again")
    said = _words(body)
    if "unknown field" in said or "schemaVersion" in said:
        advice = "this backend is older than the pipeline: leave that feature out, or update Kubeflow Pipelines"
    return ClusterError(
        "Kubeflow Pipelines refuses", where=where, got=f"{status} {said}".strip(), do=advice, status=status
    )


def _words(body: str) -> str:
    """What a refusal says, without its JSON; of a chain of reasons the last, which is the cause."""
    try:
        said = json.loads(body)
        text = str(said.get("message") or said.get("error_message") or said.get("error") or body)
    except (ValueError, AttributeError):
        text = "" if "<" in body else body
    first = text.strip().partition("\n")[0]
    return first if len(first) < LONG else f"... {first[-LONG:]}"
