"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Input, Model


@component(image=TABULAR, needs="machine")
def push_model(
    model: Input[Model],
    service: str,
    target: str = "local",
    host: str = "127.0.0.1",
    port: int = 0,
    state: str = "",
    timeout: float = 60.0,
) -> NamedTuple("Outputs", [("url", str), ("action", str), ("curl", str)]):
    """Serves a model once it has given its golden answers; on any failure what served before goes on serving.

    Args:
        model: a ModelBundle.
        service: the endpoint's name, a DNS label; also the model's name in the paths.
        target: "local" is a process on this machine.
        host: the address to listen on.
        port: 0 keeps the service's port, or picks one the first time.
        state: the directory that local services live in; empty is $FAIRLEAD_HOME, or ~/.fairlead.
        timeout: seconds that a predictor is given to start, and to give each answer.
        url: the service's address.
        action: what was done, created, updated or unchanged.
        curl: a shell command that asks the service for a prediction.
    """
    from pathlib import Path

    from fairlead.push.push_model import PushModelConfig, push_model

    config = PushModelConfig(service=service, target=target, host=host, port=port, state=state, timeout=timeout)
    result = push_model(Path(model.path), config)
    return (result.url, result.action, result.curl)
