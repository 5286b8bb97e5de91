"""Ends a local service."""

from __future__ import annotations

from dataclasses import replace

from fairlead.errors import ServeError
from fairlead.push.service_home import ServiceHome, home_of

TIMEOUT_S = 60.0


def stop_service(service: str, state: str = "") -> bool:
    """Ends a service once its requests are answered; a later push finds its port again.

    Args:
        service: its name.
        state: the directory that local services live in; "" is $FAIRLEAD_HOME, or ~/.fairlead.

    Returns:
        False when it had stopped already.

    Raises:
        ServeError: there is no such service.
    """
    services = home_of(state)
    if not (services / "services" / service / "state.json").is_file():
        known = sorted(path.parent.name for path in services.glob("services/*/state.json"))
        got = f"there are {', '.join(known)}" if known else "there are none"
        raise ServeError(f"there is no service {service!r}", where=services, got=got, do="check the name")
    with ServiceHome.hold(services, service, TIMEOUT_S) as home:
        record = home.record
        with home.line(record.process, TIMEOUT_S) as serving:
            home.commit(
                replace(record, process="", pid=0, fingerprint="", previous=record.fingerprint or record.previous)
            )
            return serving is not None
