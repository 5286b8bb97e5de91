"""PushResult: what a push did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class PushResult:
    """What a push did.

    Attributes:
        action: "created", "updated" (also when a service that had died is back), or "unchanged" when nothing was to do.
        url: of the service.
        fingerprint: of the model that serves now.
        previous: of the other model that served last; "" if there was none.
        curl: a shell command that asks for a prediction.
    """

    action: Action
    url: str
    fingerprint: str
    previous: str
    curl: str
