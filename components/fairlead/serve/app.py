"""The predictor's routes; they read, hand over to a thread, and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from fairlead import __version__
from fairlead.errors import DataError
from fairlead.serve import protocol_v1, protocol_v2
from fairlead.serve.json_body import plain, respond

if TYPE_CHECKING:
    from starlette.requests import Request

    from fairlead.serve.served_model import ServedModel

JSON_SIZE = "Inference-Header-Content-Length"


class Predictor:
    """Answers for one model.

    Args:
        model: the one that is served.
        max_body: the greatest body it reads, in bytes.
    """

    def __init__(self, model: ServedModel, max_body: int) -> None:
        self._model, self._max_body = model, max_body

    def app(self) -> Starlette:
        """The ASGI application."""
        of_model, of_version = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
        routes = [
            Route("/", self.alive),
            Route("/v1/models", self.models),
            Route("/v1/models/{name}:predict", self.predict, methods=["POST"]),
            Route("/v1/models/{name}", self.ready),
            Route("/v2", self.server),
            Route("/v2/", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route("/v2/models", self.models),
            *(Route(path, self.metadata) for path in (of_model, of_version)),
            *(Route(f"{path}/ready", self.ready) for path in (of_model, of_version)),
            *(Route(f"{path}/infer", self.infer, methods=["POST"]) for path in (of_model, of_version)),
        ]
        handlers = {DataError: _bad_request, HTTPException: _refused, ClientDisconnect: _gone, Exception: _failed}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def alive(self, _: Request) -> Response:
        """V1: the server is there."""
        return respond({"status": "alive"})

    async def live(self, _: Request) -> Response:
        """V2: the server is there."""
        return respond({"live": True})

    async def server(self, _: Request) -> Response:
        """V2: the server's name and what it can do beyond the protocol."""
        return respond({"name": "fairlead", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def models(self, _: Request) -> Response:
        """The one model that is here."""
        return respond({"models": [self._model.name]})

    async def ready(self, request: Request) -> Response:
        """The model is loaded: a server without one does not listen."""
        self._check(request)
        return respond({"name": self._model.name, "ready": True})

    async def metadata(self, request: Request) -> Response:
        """V2: inputs and outputs."""
        self._check(request)
        return respond(protocol_v2.metadata(self._model))

    async def predict(self, request: Request) -> Response:
        """V1: predictions for instances."""
        self._check(request)
        body = await self._body(request)
        return await run_in_threadpool(lambda: respond(protocol_v1.predict(self._model, body)))

    async def infer(self, request: Request) -> Response:
        """V2: outputs for inputs."""
        self._check(request)
        size = request.headers.get(JSON_SIZE)
        if size is not None and not (size.isascii() and size.isdecimal()):
            raise DataError(f"{JSON_SIZE} is not a number", got=size, do="send the size of the JSON part in bytes")
        body = await self._body(request)
        answer, json_size = await run_in_threadpool(protocol_v2.infer, self._model, body, int(size) if size else None)
        if json_size is None:
            return Response(answer, media_type="application/json")
        return Response(answer, headers={JSON_SIZE: str(json_size)}, media_type="application/octet-stream")

    def _check(self, request: Request) -> None:
        name = request.path_params.get("name", self._model.name)
        version = request.path_params.get("version", self._model.fingerprint)
        if name != self._model.name:
            raise HTTPException(404, f"there is no model {name!r} here; this is {self._model.name!r}")
        if version != self._model.fingerprint:
            raise HTTPException(404, f"there is no version {version!r} here; this is {self._model.fingerprint!r}")

    async def _body(self, request: Request) -> bytes:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise HTTPException(415, "compressed bodies are not read; send it as it is")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body:
                raise HTTPException(413, f"the body is above {self._max_body:,} bytes; send fewer rows at a time")
        return bytes(body)


async def _bad_request(_: Request, error: Exception) -> Response:
    return respond({"error": plain(error) if isinstance(error, DataError) else ""}, 400)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return respond({"error": error.detail}, error.status_code, error.headers)


async def _gone(_: Request, error: Exception) -> Response:  # noqa: ARG001 - nobody is left to read why
    return Response(status_code=400)


async def _failed(_: Request, error: Exception) -> Response:  # noqa: ARG001 - the log has it, a client has no use for it
    return respond({"error": "the model could not answer; the server's log says why"}, 500)
