"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Dataset, Input, Output


@component(image=TABULAR)
def split_table(
    data: Input[Dataset],
    train: Output[Dataset],
    validation: Output[Dataset],
    test: Output[Dataset],
    method: str = "hash",
    keys: list[str] = [],
    validation_fraction: float = 0.1,
    test_fraction: float = 0.2,
    time_column: str = "",
    validation_from: str = "",
    test_from: str = "",
    data_fingerprint: str = "",
) -> NamedTuple("Outputs", [("train_fingerprint", str), ("validation_fingerprint", str), ("test_fingerprint", str)]):
    """Splits rows into train, validation and test; the same row always lands on the same side.

    Args:
        data: the rows.
        train: rows to learn from.
        validation: rows for early stopping and tuning.
        test: rows that the evaluation alone sees.
        method: hash (of the keys) or time (along a column).
        keys: for hash, the columns that identify a row.
        validation_fraction: for hash, the expected share of validation rows.
        test_fraction: for hash, the expected share of test rows.
        time_column: for time, a date or timestamp column.
        validation_from: for time, the first instant of validation, ISO 8601.
        test_from: for time, the first instant of test, ISO 8601.
        data_fingerprint: of data; other rows are refused. A pipeline fills it in.
        train_fingerprint: of the rows in train.
        validation_fingerprint: of the rows in validation.
        test_fingerprint: of the rows in test.
    """
    from pathlib import Path

    from fairlead.artifacts.received import received
    from fairlead.transform.split_table import SplitTableConfig, split_table

    config = SplitTableConfig(
        method=method,
        keys=keys,
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        time_column=time_column,
        validation_from=validation_from,
        test_from=test_from,
    )
    split = split_table(
        data=received(data.path, data_fingerprint),
        config=config,
        train=Path(train.path),
        validation=Path(validation.path),
        test=Path(test.path),
    )
    train.metadata.update(split.train.metadata)
    validation.metadata.update(split.validation.metadata)
    test.metadata.update(split.test.metadata)
    return (split.train.fingerprint, split.validation.fingerprint, split.test.fingerprint)
