"""The proof that a predictor gives before it listens: its golden rows, answered the way that requests are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fairlead.artifacts.golden import REMAKE, check_golden_answer, golden_request
from fairlead.errors import FairleadError, ServeError
from fairlead.serve import protocol_v2
from fairlead.serve.json_body import plain

if TYPE_CHECKING:
    from fairlead.serve.served_model import ServedModel


def prove(model: ServedModel) -> None:
    """Asks a model for its own golden rows, so that a server is never ready with one that answers wrongly here.

    Raises:
        ArtifactError: the bundle has no golden rows.
        ServeError: the model fails on them, or this machine's CPU and libraries give another answer.
    """
    request = golden_request(model.bundle)
    try:
        answer, _ = protocol_v2.infer(model, request, None)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own exceptions share no base
        got = plain(error) if isinstance(error, FairleadError) else error
        what = "the predictor cannot answer the golden rows"
        raise ServeError(what, where=model.bundle.path, got=got, do=REMAKE) from None
    check_golden_answer(model.bundle, json.loads(answer), model.bundle.path)
