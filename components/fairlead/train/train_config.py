"""TrainConfig: what every trainer must be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from fairlead.artifacts.config import Config


class TrainConfig(Config):
    """The columns, the task and the seed.

    Attributes:
        target: the column to predict.
        task: "regression" (a number) or "classification" (text, bool or whole numbers).
        features: the columns to learn from; empty takes all but `target` and `exclude`.
        exclude: columns that are no features, such as keys; shown with offending rows.
        seed: of everything random.
        threads: to train with, at most the cores that the step has to itself (beyond them, training is many times
            slower); the model is the same for any number.
    """

    target: str = Field(min_length=1)
    task: Literal["regression", "classification"]
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    threads: int = Field(default=1, ge=1, le=256)

    @field_validator("features", "exclude")
    @classmethod
    def _names_are_distinct(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice")
        if info.data.get("target") in names:
            raise ValueError("the target is named here as well")
        both = sorted(set(names) & set(info.data.get("features", ())))
        if both:
            raise ValueError(f"{', '.join(both)} is a feature and excluded")
        return names
