"""KServe's V1 protocol: rows in, predictions out.

    {"instances": [{"carrier": "UA", "distance": 1400.0}, ...]}    columns by name; others are ignored
    {"instances": [["UA", 1400.0], ...]}                           values in the signature's order
    {"predictions": [...]}                                         a number or a class for each row

Null is a missing value. A classification asked with `"probabilities": true` also answers `"classes": [...]` and
`"probabilities": [[...], ...]`, in the order of the classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from fairlead.errors import DataError
from fairlead.serve.json_body import parse

if TYPE_CHECKING:
    from fairlead.artifacts.bundle import Signature
    from fairlead.serve.served_model import ServedModel


class PredictRequest(BaseModel):
    """The body of `:predict`; keys that are not here are ignored."""

    instances: list[dict[str, Any] | list[Any]]
    probabilities: bool = False


def predict(model: ServedModel, body: bytes) -> dict[str, Any]:
    """Answers a request's body.

    Raises:
        DataError: not JSON, or rows that break the signature.
    """
    request = parse(PredictRequest, body)
    if not request.instances:
        raise DataError("instances is empty", do="send one row at least")
    answers = model.predict(_columns(request.instances, model.signature))
    response = {"predictions": answers["prediction"].tolist()}
    if request.probabilities and model.signature.task == "classification":
        classes = list(model.signature.classes)
        response |= {"classes": classes, "probabilities": answers["probabilities"].tolist()}
    return response


def _columns(rows: list[dict[str, Any] | list[Any]], signature: Signature) -> dict[str, list[Any]]:
    names = [feature.name for feature in signature.features]
    values = [_values(index, row, names) for index, row in enumerate(rows)]
    return dict(zip(names, map(list, zip(*values, strict=True)), strict=True))


def _values(index: int, row: dict[str, Any] | list[Any], names: list[str]) -> list[Any]:
    """One row in the signature's order."""
    if isinstance(row, list):
        if len(row) != len(names):
            got = f"{len(row)} values for {len(names)} features"
            raise DataError(f"instance {index} has another length", got=got, do=f"send {', '.join(names)}")
        return row
    try:
        return [row[name] for name in names]
    except KeyError as error:
        raise DataError(f"instance {index} lacks feature {error}", do="send null where it is missing") from None
