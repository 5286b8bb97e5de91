"""A push that is killed, at whatever moment, leaves one predictor, the one on record; pushing again gets there."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from services import SERVICE, Load, Services, pusher, wait_for

from fairlead.push.push_model import PushModelConfig, push_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.artifacts.bundle import ModelBundle

#: What can be seen from outside, in the order in which a push gets there.
STAGES: dict[str, Callable[[Services, int], bool]] = {
    "the bundle is copied": lambda s, _: len(list((s.path / "models").iterdir())) == 2,
    "a candidate starts": lambda s, _: len(s.predictors()) == 2,
    "the candidate can be called": lambda s, _: len(list(s.path.glob("*.sock"))) == 2,
    "both hold the public socket": lambda s, _: len(s.holders(s.state["port"])) == 2,
    "the new one is on record": lambda s, pid: s.state["pid"] != pid,
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_over_an_old_model(services: Services, one: ModelBundle, two: ModelBundle, stage: str) -> None:
    config = PushModelConfig(service=SERVICE)
    url, pid = push_model(one.path, config).url, services.state["pid"]
    with Load.on(url) as load:
        with pusher(two.path) as process:
            wait_for(lambda: STAGES[stage](services, pid), f"a push never got to where {stage}")
            process.kill()
        assert process.returncode == -signal.SIGKILL  # it was caught in the act
        wait_for(lambda: services.predictors() == [services.state["pid"]], "more than the one on record is there")
        left = two if stage == "the new one is on record" else one
        assert services.ask()[0] == left.fingerprint
        assert push_model(two.path, config).url == url
        assert services.ask()[0] == two.fingerprint
        assert services.predictors() == [services.state["pid"]]
        assert len(list(services.path.glob("*.sock"))) == 1
    assert load.failures == []
    assert load.answers == {(one.fingerprint, 1.0), (two.fingerprint, 2.0)}


@pytest.mark.parametrize("stage", ["a candidate starts", "the candidate can be called"])
def test_killed_at_the_first_push(services: Services, two: ModelBundle, stage: str) -> None:
    count = {
        "a candidate starts": services.predictors,
        "the candidate can be called": lambda: [*services.path.glob("*.sock")],
    }
    with pusher(two.path) as process:
        wait_for(count[stage], f"a push never got to where {stage}")
        process.kill()
    wait_for(lambda: not services.predictors(), "an orphan is there")
    assert push_model(two.path, PushModelConfig(service=SERVICE)).action == "created"
    assert services.predictors() == [services.state["pid"]]
