"""The local target: a predictor process on this machine that takes the listening socket over from the one before."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.golden import golden_request
from fairlead.errors import ServeError
from fairlead.push.endpoint import Endpoint
from fairlead.push.predictor_process import candidate
from fairlead.push.push_result import PushResult
from fairlead.push.service_home import Record, ServiceHome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.push.channel import Channel
    from fairlead.push.push_model import PushModelConfig
    from fairlead.push.push_result import Action

BACKLOG = 2048


def push_local(bundle: ModelBundle, config: PushModelConfig) -> PushResult:
    """Serves a bundle on this machine.

    The new predictor answers the golden rows on a private port, takes the public socket, and answers them again while
    the old one rests; only then is it put on record. Whoever is not on record leaves.

    Raises:
        ArtifactError: the bundle has no golden rows.
        ServeError: it does not start, answers wrongly, or cannot have its address.
    """
    golden_request(bundle)  # before anything starts: without golden rows nothing can be promised
    with ServiceHome.hold(config.home, config.service, config.timeout) as home:
        old = home.record
        port = config.port or (old.port if old.host == config.host else 0)
        new = Record(host=config.host, port=port, fingerprint=bundle.fingerprint, previous=_previous(old, bundle))
        if _serves_already(home, old, new, bundle, config):
            return _result("unchanged", old, bundle, config)
        try:
            new = _switch(home, old, new, bundle, config)
        except ServeError as error:
            error.do = "; ".join(filter(None, [error.do, _what_serves(home, old, config)]))
            raise
        return _result("updated" if old.fingerprint else "created", new, bundle, config)


def _previous(old: Record, bundle: ModelBundle) -> str:
    return old.previous if old.fingerprint == bundle.fingerprint else old.fingerprint


def _serves_already(home: ServiceHome, old: Record, new: Record, bundle: ModelBundle, config: PushModelConfig) -> bool:
    if (old.host, old.port, old.fingerprint) != (new.host, new.port, new.fingerprint):
        return False
    with home.line(old.process, config.timeout) as serving:
        try:
            if serving:
                Endpoint(old.url, config.service, config.timeout).verify(bundle)
        except ServeError:
            return False
        return serving is not None


def _switch(home: ServiceHome, old: Record, new: Record, bundle: ModelBundle, config: PushModelConfig) -> Record:
    """Puts a new predictor in the old one's place; gives the record that now holds."""
    stays = (old.host, old.port) == (new.host, new.port)
    with candidate(home, home.keep(bundle), config.service, config.timeout) as trial:
        Endpoint(trial.url, config.service, config.timeout).verify(bundle)
        with home.line(old.process, config.timeout) as serving, _public(serving if stays else None, new) as public:
            new = replace(new, port=public.getsockname()[1], process=trial.name, pid=trial.channel.pid)
            trial.channel.command("listen", public)
            if serving and stays:
                serving.command("pause")
            Endpoint(new.url, config.service, config.timeout).verify(bundle)
            home.commit(new)
    return new


@contextmanager
def _public(serving: Channel | None, new: Record) -> Iterator[socket.socket]:
    """The socket that clients reach: the serving predictor's own, or a new one."""
    given = serving.command("give") if serving else []
    with given[0] if given else _bind(new.host, new.port) as public:
        yield public


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        advice = "end what listens there, or push with another port"
        raise ServeError("cannot listen on this address", where=f"{host}:{port}", got=error, do=advice) from None


def _what_serves(home: ServiceHome, old: Record, config: PushModelConfig) -> str:
    """A line that shows what clients get after a push that failed."""
    if not old.process:
        return ""
    endpoint = Endpoint(old.url, config.service, config.timeout)
    return f"{old.fingerprint[:12]} serves on; ask it: {endpoint.curl(ModelBundle.open(home.model(old.fingerprint)))}"


def _result(action: Action, record: Record, bundle: ModelBundle, config: PushModelConfig) -> PushResult:
    endpoint = Endpoint(record.url, config.service, config.timeout)
    return PushResult(action, record.url, record.fingerprint, record.previous, endpoint.curl(bundle))
