"""Clients of a service, in a pod of the cluster, from the first request of a test to its last."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.images import PREDICTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster_here import ClusterHere

DEADLINE_S = 60
#: Keeps one connection a thread, as clients do, and says four times a second what it has seen so far.
PROGRAM = """
import collections, http.client, json, sys, threading, time
host, service, rate, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
body = json.dumps({"instances": [{"distance": 1.0, "carrier": "other"}]})
seen, failures, asked, lock = collections.Counter(), [], [0], threading.Lock()

def client(number):
    connection, due = http.client.HTTPConnection(host, 80, timeout=10), time.monotonic() + number / rate
    while True:
        time.sleep(max(0, due - time.monotonic()))
        due += threads / rate
        try:
            connection.request("POST", f"/v1/models/{service}:predict", body)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise OSError(f"{answer.status} {content!r}")
            key = answer.headers["x-fairlead-model"] + " " + str(json.loads(content)["predictions"][0])
            with lock:
                asked[0] += 1
                seen[key] += 1
        except Exception as error:
            with lock:
                asked[0] += 1
                failures.append(f"{time.strftime('%X')} {error!r}")
            connection.close()

for number in range(threads):
    threading.Thread(target=client, args=(number,), daemon=True).start()
began = time.monotonic()
while True:
    time.sleep(0.25)
    with lock:
        told = {"asked": asked[0], "seconds": time.monotonic() - began, "seen": seen}
        print(json.dumps({**told, "failures": failures[:20], "failed": len(failures)}), flush=True)
"""
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Seen:
    """What clients got so far.

    Attributes:
        asked: requests with an end, good or bad.
        seconds: since the first.
        answers: (fingerprint of the model, its answer) to their number.
        failures: the first of those that got no answer.
        failed: how many.
    """

    asked: int
    seconds: float
    answers: dict[tuple[str, str], int]
    failures: list[str]
    failed: int


class Traffic:
    """The clients of one service."""

    def __init__(self, cluster: ClusterHere, pod: str, namespace: str) -> None:
        self._cluster, self._pod, self._namespace = cluster, pod, namespace

    @classmethod
    @contextmanager
    def on(
        cls, cluster: ClusterHere, service: str, *, rate: float = 20, threads: int = 4, namespace: str = ""
    ) -> Iterator[Traffic]:
        """Asks a service that serves, until the end of the block.

        Args:
            cluster: where.
            service: its name.
            rate: requests a second, of all threads together.
            threads: connections.
            namespace: of the service.
        """
        namespace = namespace or cluster.models
        pod, host = cluster.name("traffic"), f"{service}-predictor.{namespace}"
        container = {
            "name": "traffic",
            "image": PREDICTOR,
            "command": ["python", "-c", PROGRAM, host, service, str(rate), str(threads)],
            "securityContext": RESTRICTED,
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod, "namespace": namespace},
            "spec": {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0},
        }
        pods = f"/api/v1/namespaces/{namespace}/pods"
        cluster.api.create(pods, body)
        try:
            traffic = cls(cluster, pod, namespace)
            traffic.more(10)
            yield traffic
        finally:
            cluster.api.delete(f"{pods}/{pod}")

    def seen(self) -> Seen | None:
        """What the clients say; None before their first words."""
        path = f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}"
        running = [
            "running" in item["state"]
            for item in (self._cluster.api.get(path) or {"status": {}})["status"].get("containerStatuses", [])
        ]
        if not all(running) or not running:
            return None
        lines = self._cluster.api.text(f"{path}/log", tailLines="1").splitlines()
        if not lines:
            return None
        told: dict[str, Any] = json.loads(lines[-1])
        answers = {tuple(key.split(" ")): count for key, count in told.pop("seen").items()}
        return Seen(answers=answers, **told)  # type: ignore[arg-type]  # two words by construction

    def more(self, requests: int) -> Seen:
        """What was seen once so many more requests have ended."""
        deadline, start = time.monotonic() + DEADLINE_S, self.seen()
        before = start.asked if start else 0
        while time.monotonic() < deadline:
            seen = self.seen()
            if seen and seen.asked >= before + requests:
                return seen
            time.sleep(0.1)
        raise AssertionError(f"the clients of {self._pod} do not get on: {self.seen()}")


def assert_only(seen: Seen, allowed: set[tuple[str, str]]) -> None:
    """Every client got an answer, and each answer was one of these."""
    assert not seen.failed, seen.failures
    assert set(seen.answers) <= allowed
