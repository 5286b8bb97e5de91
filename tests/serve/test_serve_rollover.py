"""A predictor gives way to another under load, as on Kubernetes: the endpoints change, then SIGTERM; none is failed."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest
from balancer import Balancer
from predictor import NAME, Predictor

import served_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle

CLIENTS, RATE = 8, 200
PATH, BODY = f"/v1/models/{NAME}:predict", json.dumps({"instances": [{"distance": 1.0, "carrier": None}]})
DEADLINE_S = 60


@dataclass
class Load:
    """Clients that keep their connections; some of them rest between two requests."""

    address: str
    models: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    answered: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    @contextmanager
    def on(cls, address: str, *rests: float) -> Iterator[Self]:
        load, done = cls(address), threading.Event()
        clients = [threading.Thread(target=load._run, args=(done, rest)) for rest in rests]
        for client in clients:
            client.start()
        try:
            yield load
        finally:
            done.set()
            for client in clients:
                client.join()

    def wait_for(self, requests: int) -> None:
        """Until this many more have been answered or failed."""
        with self.answered:
            wanted = self.total + requests
            assert self.answered.wait_for(lambda: self.total >= wanted, DEADLINE_S)

    @property
    def total(self) -> int:
        return sum(self.models.values()) + len(self.failures)

    @contextmanager
    def rate(self) -> Iterator[list[float]]:
        """Requests a second during the block, in a list that is filled at its end."""
        rate: list[float] = []
        start, before = time.monotonic(), self.total
        yield rate
        rate.append((self.total - before) / (time.monotonic() - start))

    def _run(self, done: threading.Event, rest: float) -> None:
        with closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
            while not done.wait(rest):
                try:
                    connection.request("POST", PATH, BODY)
                    response = connection.getresponse()
                    said = json.loads(response.read())
                    model = response.headers["x-fairlead-model"] if said == {"predictions": [1.0]} else str(said)
                    failure = ""
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    failure = repr(error)
                with self.answered:
                    if failure:
                        self.failures.append(failure)
                    else:
                        self.models[model] = self.models.get(model, 0) + 1
                    self.answered.notify_all()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ModelBundle]:
    """They answer alike and can be told apart."""
    place: Path = tmp_path_factory.mktemp("bundles")
    return [served_models.regression(place / str(times), slope=1.0, times=times) for times in (1, 2, 3)]


def test_one_replica_after_the_other_gives_way_under_load(models: list[ModelBundle]) -> None:
    with ExitStack() as processes:
        serving = [processes.enter_context(Predictor.start(models[0])) for _ in range(2)]
        addresses = [each.address for each in serving]
        with Balancer.over(*addresses) as balancer, Load.on(balancer.address, *[0.0] * CLIENTS) as load:
            with load.rate() as calm:
                load.wait_for(2 * RATE)
            with load.rate() as rate:
                for model in (models[1], models[1], models[2], models[2]):
                    serving.append(processes.enter_context(Predictor.start(model)))
                    leaving = serving.pop(0)
                    balancer.use(*(each.address for each in serving))
                    load.wait_for(RATE // 4)  # some on the connections that it has: it does not know yet
                    leaving.process.send_signal(signal.SIGTERM)
                    assert leaving.process.wait(15) == 0
                load.wait_for(RATE)
    assert load.failures == []
    assert set(load.models) == {model.fingerprint for model in models}
    assert rate[0] >= min(RATE, calm[0] / 3)  # a machine that is busy with other things gives less from the start


def test_clients_that_rest_are_not_dropped(models: list[ModelBundle]) -> None:
    """A rest is shorter than the drain's own, so that each comes back to an open connection and is told to leave."""
    with (
        Predictor.start(models[0]) as old,
        Predictor.start(models[1]) as new,
        Balancer.over(old.address) as balancer,
        Load.on(balancer.address, 0.1, 0.5, 1.0, 2.0) as load,
    ):
        load.wait_for(40)
        balancer.use(new.address)
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(15) == 0
        load.wait_for(20)
    assert load.failures == []
    assert set(load.models) == {models[0].fingerprint, models[1].fingerprint}


def test_an_idle_connection_stays_open_while_it_serves(models: list[ModelBundle]) -> None:
    """Longer than uvicorn's five seconds, after which a pooled connection would fail its next request."""
    with Predictor.start(models[0]) as predictor, predictor.connect() as connection:
        for rest in (6.0, 0.0):
            connection.request("GET", "/")
            assert connection.getresponse().read()
            connection.sock.settimeout(rest or 30.0)
            if rest:
                with pytest.raises(TimeoutError):  # nothing comes, not even the end
                    connection.sock.recv(1)
                connection.sock.settimeout(30.0)
