"""JSON in and out: bodies are checked against a model, and what JSON cannot say becomes null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from fairlead.errors import DataError, FairleadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

Body = TypeVar("Body", bound=BaseModel)


def parse(kind: type[Body], body: bytes) -> Body:
    """Reads a request's JSON.

    Raises:
        DataError: not JSON, or not of this form; it names the field.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"the body is not a valid request: {first['msg']}", where=where) from None


def respond(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; NaN and infinities become null."""
    from starlette.responses import Response

    return Response(dump(value), status, headers, "application/json")


def dump(value: Any) -> bytes:
    """JSON bytes in which every finite float reads back as the same bits."""
    return to_json(value, inf_nan_mode="null")


def plain(error: FairleadError) -> str:
    """An error in one line."""
    return "; ".join(text for text in (error.what, error.where, error.got and f"got {error.got}", error.do) if text)
