"""A push under load, two at once, one that is killed anywhere, and an API server that fails for a while."""

from __future__ import annotations

import itertools
import re
import threading
from typing import TYPE_CHECKING

import pytest
from api_proxy import ApiProxy
from pushing import Service
from traffic import Traffic, assert_only

from fairlead.push.kserve.roll_back import roll_back
from fairlead.trace import trace_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster_here import ClusterHere
    from fairlead.artifacts.bundle import ModelBundle

pytestmark = pytest.mark.cluster
DEADLINE_S = 200
SLOPES = itertools.count(10)
#: The requests of a push that change something, and what is there when a push is killed at them.
STEPS = {
    "takes the lease": r"^POST .*/leases$",
    "makes the candidate": r"^POST .*/inferenceservices$",
    "asks the candidate": r"^POST .*-candidate-.*/proxy/.*/infer$",
    "switches": r"^PUT .*/inferenceservices/",
    "watches the rollout": r"^GET .*/deployments/service-[0-9a-f]{8}-predictor$",
    "asks the service": r"^POST .*/services/service-[0-9a-f]{8}-predictor:80/proxy/.*/infer$",
    "takes the candidate away": r"^DELETE .*/inferenceservices/",
    "gives the lease back": r"^DELETE .*/leases/",
}
READS = ("asks", "watches")  # before or after them is the same
KILLS = [(step, obeyed) for step in STEPS for obeyed in (False, True) if obeyed or not step.startswith(READS)]


@pytest.fixture(scope="module")
def changing(lent: ClusterHere, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service whose model each test may change."""
    service = Service(lent, lent.api, lent.service(), tmp_path_factory.mktemp("models"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lent.keys.items():
            patch.setenv(name, value)
        service.push(service.model(next(SLOPES)))
    return service


@pytest.fixture
def served(changing: Service) -> Iterator[ModelBundle]:
    """What it serves before the test."""
    old = changing.model(answer_of(changing.serves, changing))
    assert old.fingerprint == changing.serves
    return old


def answer_of(fingerprint: str, service: Service) -> float:
    from fairlead.artifacts.bundle import ModelBundle

    return next(
        float(path.name) for path in service.folder.iterdir() if ModelBundle.open(path).fingerprint == fingerprint
    )


def answers(*models: ModelBundle) -> set[tuple[str, str]]:
    return {(model.fingerprint, str(float(model.path.name))) for model in models}


@pytest.mark.timeout(600)
def test_no_request_fails_and_none_meets_an_unverified_model(changing: Service, served: ModelBundle) -> None:
    """200 requests a second, to a new model and back."""
    new = changing.model(next(SLOPES))
    with Traffic.on(changing.cluster, changing.name, rate=200, threads=8) as traffic:
        assert changing.push(new).action == "updated"
        traffic.more(400)
        back = roll_back(changing.name, changing.api.namespace)
        seen = traffic.more(400)
    assert back.revision.fingerprint == served.fingerprint
    assert_only(seen, answers(served, new))
    assert len(seen.answers) == 2
    assert seen.asked > 1000
    told = trace_service(changing.name, changing.api.namespace)
    assert (told["model"]["fingerprint"], told["before"]["model"]["fingerprint"]) == (
        served.fingerprint,
        new.fingerprint,
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("step", "obeyed"),
    [
        (step, obeyed)
        for step in STEPS
        for obeyed in (False, True)
        if obeyed or not step.startswith(("asks", "watches"))
    ],
)
def test_killed_at_any_step_and_run_again(
    changing: Service, served: ModelBundle, tmp_path: Path, step: str, obeyed: bool
) -> None:
    new = changing.model(next(SLOPES))
    with ApiProxy.before_the_cluster(tmp_path) as proxy, Traffic.on(changing.cluster, changing.name) as traffic:
        push = None
        ready = threading.Event()

        def kill(request: str) -> None:
            ready.wait()
            if re.search(STEPS[step], request):
                push.kill()

        setattr(proxy, "after" if obeyed else "before", kill)
        push = changing.start(new, str(proxy.kubeconfig))
        ready.set()
        said, _ = push.communicate(timeout=DEADLINE_S)
        assert push.returncode == -9, said
        seen = traffic.more(20)
        assert_only(seen, answers(served, new))
        assert changing.push(new).action in ("updated", "unchanged")
        assert_only(traffic.more(20), answers(served, new))
    assert changing.serves == new.fingerprint
    assert changing.leftovers() == []


@pytest.mark.timeout(600)
def test_two_pushes_at_once(changing: Service, served: ModelBundle) -> None:
    first, second = changing.model(next(SLOPES)), changing.model(next(SLOPES))
    with Traffic.on(changing.cluster, changing.name) as traffic:
        pushes = [changing.start(model) for model in (first, second)]
        said = [push.communicate(timeout=DEADLINE_S)[0] for push in pushes]
        assert [push.returncode for push in pushes] == [0, 0], said
        assert_only(traffic.more(20), answers(served, first, second))
    told = trace_service(changing.name, changing.api.namespace)
    both = {told["model"]["fingerprint"], told["before"]["model"]["fingerprint"]}
    assert both == {first.fingerprint, second.fingerprint}
    assert changing.leftovers() == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("status", [409, 429, 500])
def test_api_server_fails_for_a_while(changing: Service, served: ModelBundle, tmp_path: Path, status: int) -> None:
    """Every write is refused three times; a conflict that is none is seen for what it is."""
    new = changing.model(next(SLOPES))
    with ApiProxy.before_the_cluster(tmp_path) as proxy, Traffic.on(changing.cluster, changing.name) as traffic:
        proxy.refuse = some_times(status, 3)
        push = changing.start(new, str(proxy.kubeconfig))
        said, _ = push.communicate(timeout=DEADLINE_S)
        assert push.returncode == 0, said
        assert_only(traffic.more(20), answers(served, new))
    assert changing.serves == new.fingerprint
    assert changing.leftovers() == []


@pytest.mark.timeout(600)
def test_answers_of_the_api_server_are_lost(changing: Service, served: ModelBundle, tmp_path: Path) -> None:
    """Each write is obeyed, but its first answer says that it failed."""
    new = changing.model(next(SLOPES))
    with ApiProxy.before_the_cluster(tmp_path) as proxy, Traffic.on(changing.cluster, changing.name) as traffic:
        proxy.lose = some_times(504, 1)
        push = changing.start(new, str(proxy.kubeconfig))
        said, _ = push.communicate(timeout=DEADLINE_S)
        assert push.returncode == 0, said
        assert_only(traffic.more(20), answers(served, new))
    assert changing.serves == new.fingerprint
    assert changing.leftovers() == []


def some_times(status: int, times: int) -> Callable[[str], int]:
    """Refuses each write so many times; reads of the rights are left alone."""
    count: dict[str, int] = {}

    def refuse(request: str) -> int:
        if request.startswith("GET") or "/authorization" in request or "/proxy/" in request:
            return 0
        count[request] = count.get(request, 0) + 1
        return status if count[request] <= times else 0

    return refuse
