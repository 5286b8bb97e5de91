from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pushing import OLD, Service
from traffic import Traffic, assert_only

from cluster_here import ClusterHere

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lent() -> Iterator[ClusterHere]:
    with ClusterHere.lent() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def standing(lent: ClusterHere, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service that serves the model of slope 2; no test of the module that uses it changes that."""
    service = Service(lent, lent.api, lent.service(), tmp_path_factory.mktemp("models"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lent.keys.items():
            patch.setenv(name, value)
        service.push(service.model(OLD))
    return service


@pytest.fixture
def unharmed(standing: Service) -> Iterator[Service]:
    """The standing service; whatever a test does, its clients get the old model's answers and nothing else."""
    old = standing.model(OLD).fingerprint
    with Traffic.on(standing.cluster, standing.name) as traffic:
        yield standing
        seen = traffic.more(20)
    assert standing.serves == old
    assert standing.leftovers() == []
    assert_only(seen, {(old, str(OLD))})


@pytest.fixture(autouse=True)
def keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object store's keys, for the pushes of a test."""
    for name, value in request.getfixturevalue("lent").keys.items():
        monkeypatch.setenv(name, value)
