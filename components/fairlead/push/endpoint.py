"""Endpoint: a service as its clients reach it, and the proof that it serves a model."""

from __future__ import annotations

import http.client
import json
import shlex
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fairlead.errors import ArtifactError, ServeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.artifacts.bundle import ModelBundle

DATATYPE_OF_KIND = {"number": "FP64", "category": "BYTES"}
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
        reply = self.ask("POST", f"{path}/infer", golden_request(bundle))
        outputs = {output["name"]: output["data"] for output in reply["outputs"]}
        golden = bundle.golden.get("outputs", {})
        for name in ("prediction", *golden):
            self._compare(bundle, name, golden.get(name, []), outputs.get(name, []))

    def _compare(self, bundle: ModelBundle, name: str, golden: Sequence[Any], answers: Sequence[Any]) -> None:
        expected = list(_flat(golden))
        if expected == answers:
            return
        width = max(1, len(expected) // max(1, len(golden)))
        wrong = [at for at, pair in enumerate(zip(expected, answers, strict=False)) if pair[0] != pair[1]]
        if wrong:
            row, column = divmod(wrong[0], width)
            classes = bundle.signature.classes
            name = f"{name}[{classes[column]!r}]" if width > 1 and width == len(classes) else name
            rows = len({at // width for at in wrong})
            got = f"row {row}, {name}: {answers[wrong[0]]!r}, golden {expected[wrong[0]]!r}; {rows:,} wrong rows"
        else:
            got = f"{name}: {len(answers):,} values, golden {len(expected):,}"
        advice = "make the bundle again with the step that wrote it; its graph and its golden rows disagree"
        raise ServeError("the predictor does not give the golden answers", where=self.url, got=got, do=advice)

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


def golden_request(bundle: ModelBundle) -> bytes:
    """The golden rows as the body of a V2 request.

    Raises:
        ArtifactError: the bundle has none, so nothing could be promised of it.
    """
    golden, tensors = bundle.golden, []
    for feature in bundle.signature.features:
        data = golden.get("inputs", {}).get(feature.name)
        if not data:
            where, got = bundle.path / "golden.json", f"no inputs for feature {feature.name!r}"
            advice = "make the bundle again with the step that wrote it"
            raise ArtifactError("the bundle has no golden rows to be verified by", where=where, got=got, do=advice)
        datatype = DATATYPE_OF_KIND[feature.kind]
        tensors.append({"name": feature.name, "datatype": datatype, "shape": [len(data), 1], "data": data})
    return json.dumps({"inputs": tensors}).encode()


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    return chain.from_iterable(value if isinstance(value, list) else [value] for value in values)
