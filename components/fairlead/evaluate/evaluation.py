"""Evaluation: what a test of a model found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.evaluate.decide import Check
    from fairlead.evaluate.slices import Slice


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        decision: "promote" or "reject".
        checks: every condition and whether it holds.
        primary: the metric that the champion and the slices are compared by.
        metrics: of the candidate, on the test rows that have a target.
        champion: of the champion on the same rows; None when there is none, or it cannot be asked about them.
        slices: the primary metric for each.
        worst: of the slices with enough rows.
    """

    decision: str
    checks: tuple[Check, ...]
    primary: str
    metrics: dict[str, float]
    champion: dict[str, float] | None
    slices: tuple[Slice, ...]
    worst: Slice | None
