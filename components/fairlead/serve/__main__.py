"""`python -m fairlead.serve`: serves one ModelBundle, once it has given its golden answers, until SIGTERM."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError, ServeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.serve.served_model import ServedModel
    from fairlead.serve.server import Server

MIB = 1 << 20


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser("fairlead.serve", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("/mnt/models"), help="the bundle's directory")
    parser.add_argument("--name", default="model", help="the model's name in the paths")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104 - a container's own
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 picks one")
    parser.add_argument("--threads", type=int, default=1, help="within one request; 1 gives the same bits everywhere")
    parser.add_argument("--max-body", type=int, default=64, metavar="MIB", help="greatest request, in MiB")
    parser.add_argument(
        "--drain", type=float, default=30.0, metavar="S", help="seconds for requests in flight at the end"
    )
    parser.add_argument("--control", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--lease", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def bind(host: str, port: int) -> socket.socket:
    """Listens on an address.

    Raises:
        ServeError: the port is taken, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        advice = "end what listens there, or choose another --port"
        raise ServeError("cannot listen on this address", where=f"{host}:{port}", got=error, do=advice) from None


def serve(options: argparse.Namespace) -> None:
    """Loads, proves the model, and only then listens: a probe of the port finds it ready or not at all.

    Raises:
        ArtifactError: the bundle is damaged.
        ServeError: the model does not give its golden answers here, or the address cannot be listened on.
    """
    from fairlead.serve.proof import prove
    from fairlead.serve.served_model import ServedModel

    model = ServedModel.load(options.model, options.name, options.threads)
    prove(model)
    listeners = [] if options.control else [bind(options.host, options.port)]
    places = ["http://{}:{}".format(*listener.getsockname()[:2]) for listener in listeners]
    greeting = "".join(f"serving {options.name} on {place}\n" for place in places)
    _server(model, options, greeting).run(listeners)


def _server(model: ServedModel, options: argparse.Namespace, greeting: str) -> Server:
    from fairlead.serve.app import Predictor
    from fairlead.serve.control import Control
    from fairlead.serve.server import Server

    lease = socket.socket(fileno=options.lease) if options.control else None
    control = Control(options.control, lease) if lease else None
    app = Predictor(model, options.max_body * MIB).app()
    return Server(app, [("x-fairlead-model", model.fingerprint)], options.drain, control, greeting)


def main() -> None:
    """The command; a user's mistake is told in plain words and as the exit status."""
    try:
        serve(arguments())
    except FairleadError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the last words of a process
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
