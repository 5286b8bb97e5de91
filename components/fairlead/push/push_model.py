"""Puts a model behind an address, or leaves there what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.config import Config
from fairlead.push.local import push_local
from fairlead.push.push_result import PushResult
from fairlead.push.service_home import home_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PushModelConfig", "PushResult", "push_model"]


class PushModelConfig(Config):
    """Where a model goes.

    Attributes:
        service: the endpoint's name, a DNS label; also the model's name in the paths.
        target: "local" is a process on this machine.
        host: the address to listen on.
        port: 0 keeps the service's port, or picks one the first time.
        state: the directory that local services live in; "" is $FAIRLEAD_HOME, or ~/.fairlead.
        timeout: seconds that a predictor is given to start, and to give each answer.
    """

    service: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
    target: Literal["local"] = "local"
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    state: str = ""
    timeout: float = Field(default=60.0, gt=0)

    @property
    def home(self) -> Path:
        """The directory that local services live in, absolute."""
        return home_of(self.state)


def push_model(model: Path, config: PushModelConfig) -> PushResult:
    """Serves a bundle once it has given its golden answers; on any failure what served before goes on serving.

    Args:
        model: a ModelBundle.
        config: where it goes.

    Raises:
        ArtifactError: the bundle is missing or damaged.
        ServeError: the new predictor does not start, or answers wrongly; or the port is taken.
    """
    return push_local(ModelBundle.open(model), config)
