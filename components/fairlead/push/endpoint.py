"""Endpoint: a service as its clients reach it, and the proof that it serves a model."""

from __future__ import annotations

import http.client
import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fairlead.artifacts.golden import check_golden_answer, golden_request
from fairlead.errors import ServeError

if TYPE_CHECKING:
    from fairlead.artifacts.bundle import ModelBundle

HTTP_OK = 200


@dataclass(frozen=True)
class Endpoint:
    """An address and a name.

    Attributes:
        url: http://HOST:PORT
        service: the model's name in the paths.
        timeout: seconds for an answer.
    """

    url: str
    service: str
    timeout: float

    def verify(self, bundle: ModelBundle) -> None:
        """Asks for the golden rows and compares each answer, to the last bit.

        Raises:
            ServeError: no answer, another model, or an answer that is not the golden one; it names row and column.
        """
        path = f"/v2/models/{self.service}"
        found = self.ask("GET", path).get("versions")
        if found != [bundle.fingerprint]:
            raise ServeError("another model answers", where=f"{self.url}{path}", got=found, do="see what listens there")
        check_golden_answer(bundle, self.ask("POST", f"{path}/infer", golden_request(bundle)), self.url)

    def ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """Sends a request and reads the JSON of its answer.

        Raises:
            ServeError: no answer in time, or one that is no success.
        """
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            advice = "see the service's log"
            raise ServeError("the predictor does not answer", where=f"{self.url}{path}", got=error, do=advice) from None
        finally:
            connection.close()
        if response.status != HTTP_OK:
            got = f"{response.status} {content.decode(errors='replace')}"
            raise ServeError("the predictor refuses", where=f"{self.url}{path}", got=got, do="see the service's log")
        try:
            return dict(json.loads(content))
        except ValueError:
            raise ServeError("the answer is not JSON", where=f"{self.url}{path}", got=content[:200]) from None

    def curl(self, bundle: ModelBundle) -> str:
        """A shell command that asks for the prediction of the first golden row."""
        inputs = bundle.golden["inputs"]
        row = {feature.name: inputs[feature.name][0] for feature in bundle.signature.features}
        body = json.dumps({"instances": [row]}, ensure_ascii=False)
        return f"curl -s {self.url}/v1/models/{self.service}:predict -d {shlex.quote(body)}"
