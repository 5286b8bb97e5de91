"""Golden rows over the Open Inference protocol: the request they make, and whether an answer keeps the promise."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from fairlead.errors import ArtifactError, ServeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairlead.artifacts.bundle import ModelBundle

#: What to do about a bundle that cannot be verified.
REMAKE = (
    "make the bundle again with the step that wrote it; if it answers rightly on another machine, "
    "then this one's CPU or ONNX Runtime computes differently: serve it there"
)
#: The tensor that a feature travels as.
DATATYPE_OF_KIND = {"number": "FP64", "category": "BYTES"}


def golden_request(bundle: ModelBundle, rows: int | None = None) -> bytes:
    """The golden rows, all or the first few, as the body of a V2 request.

    Raises:
        ArtifactError: the bundle has none, so nothing could be promised of it.
    """
    golden, tensors = bundle.golden, []
    for feature in bundle.signature.features:
        data = golden.get("inputs", {}).get(feature.name, [])[:rows]
        if not data:
            where, got = bundle.path / "golden.json", f"no inputs for feature {feature.name!r}"
            advice = "make the bundle again with the step that wrote it"
            raise ArtifactError("the bundle has no golden rows to be verified by", where=where, got=got, do=advice)
        datatype = DATATYPE_OF_KIND[feature.kind]
        tensors.append({"name": feature.name, "datatype": datatype, "shape": [len(data), 1], "data": data})
    return json.dumps({"inputs": tensors}).encode()


def check_golden_answer(bundle: ModelBundle, reply: Mapping[str, Any], where: object) -> None:
    """Compares the answer to the golden request with what the bundle promises, to the last bit.

    Args:
        bundle: whose answer it is.
        reply: the body of the V2 response, read from JSON.
        where: it came from.

    Raises:
        ServeError: an answer is not the golden one; it names row and column, and tells both values.
    """
    golden = bundle.golden.get("outputs", {})
    outputs = {output["name"]: output.get("data", []) for output in reply.get("outputs", [])}
    for name in ("prediction", *golden):
        got = _difference(bundle, name, golden.get(name, []), outputs.get(name, []))
        if got:
            raise ServeError("the predictor does not give the golden answers", where=where, got=got, do=REMAKE)


def _difference(bundle: ModelBundle, name: str, golden: Sequence[Any], answers: Sequence[Any]) -> str:
    """The first wrong answer of an output, and how many rows are wrong; "" when all are right."""
    expected = list(_flat(golden))
    if expected == answers:
        return ""
    width = max(1, len(expected) // max(1, len(golden)))
    wrong = [at for at, pair in enumerate(zip(expected, answers, strict=False)) if pair[0] != pair[1]]
    if not wrong:
        return f"{name}: {len(answers):,} values, golden {len(expected):,}"
    row, column = divmod(wrong[0], width)
    classes = bundle.signature.classes
    name = f"{name}[{classes[column]!r}]" if width > 1 and width == len(classes) else name
    rows = len({at // width for at in wrong})
    return f"row {row}, {name}: {answers[wrong[0]]!r}, golden {expected[wrong[0]]!r}; {rows:,} wrong rows"


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    return chain.from_iterable(value if isinstance(value, list) else [value] for value in values)
