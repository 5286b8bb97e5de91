"""`infer_schema`: learns from good data what data must look like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from fairlead.artifacts.config import Config
from fairlead.artifacts.dataset import Dataset
from fairlead.artifacts.schema import Column, Schema
from fairlead.errors import ConfigError, DataError
from fairlead.tables.duck import connect, quote, view
from fairlead.validate.profile import Profile, profile
from fairlead.validate.rules import key_rule
from fairlead.validate.violations import Violation, find_violations

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


class InferSchemaConfig(Config):
    """How closely a schema follows the data it is learnt from.

    Attributes:
        max_categories: a text column with at most this many different values allows only those; 0 for never.
        keys: lists of columns; the columns of each together identify a row.
        null_slack: added to the share of missing values of a column that has any; one that has none may have none.
        range_slack: widens each end of a number's range by this share of its width. A range that starts at 0 or
            above still does; ends are rounded to two digits of the slack to be readable.
    """

    max_categories: int = Field(default=50, ge=0)
    keys: tuple[tuple[str, ...], ...] = ()
    null_slack: float = Field(default=0.05, ge=0, le=1)
    range_slack: float = Field(default=0.1, ge=0, allow_inf_nan=False)


def infer_schema(data: Path, config: InferSchemaConfig, schema: Path) -> Schema:
    """Learns a schema and writes it as YAML.

    Args:
        data: a Dataset directory.
        config: how closely to follow it.
        schema: the file to write.

    Returns:
        Every column with its type, its share of missing values, the range of its numbers and its categories; and
        the keys that were asked for.

    Raises:
        ConfigError: a key without columns.
        DataError: the data has no rows, a key names a column that it lacks, or rows share a key.
        ArtifactError: the data is damaged.
    """
    dataset = Dataset.open(data)
    _check_request(dataset, config)
    with connect() as engine:
        view(engine, "data", dataset)
        keys = [key_rule(key) for key in config.keys]
        profiles, repeats = profile(engine, dataset.columns, [key.tally for key in keys], count_texts=True)
        _check_keys(dataset, find_violations(engine, keys, repeats, dataset.rows))
        categories = _categories(engine, profiles, config.max_categories)
        columns = tuple(_column(profile, dataset.rows, categories.get(profile.name), config) for profile in profiles)
    found = Schema(columns=columns, keys=config.keys)
    found.write(schema)
    return found


def _check_request(dataset: Dataset, config: InferSchemaConfig) -> None:
    if not dataset.rows:
        raise DataError("a schema cannot be learnt from no rows", where=dataset.path, do="give data that is right")
    for key in config.keys:
        if not key:
            raise ConfigError("a key has no columns", where="keys", got=config.facts["keys"], do="name its columns")
        dataset.require(key)


def _check_keys(dataset: Dataset, repeated: list[Violation]) -> None:
    for violation in repeated:
        raise DataError(
            "rows share a key that is to identify them",
            where=f"{dataset.path}, {violation.column}",
            got=violation.got,
            do="drop the repeated rows, or add a column to the key",
            rows=violation.rows,
            count=violation.count,
        )


def _categories(engine: duckdb.DuckDBPyConnection, profiles: list[Profile], most: int) -> dict[str, tuple[str, ...]]:
    """The sorted values of each text column that has few enough, and any."""
    few = [profile.name for profile in profiles if profile.different and profile.different <= most]
    if not few:
        return {}
    lists = ", ".join(f"list_sort(list(DISTINCT {quote(name)}) FILTER ({quote(name)} <> ''))" for name in few)
    found = engine.execute(f"SELECT {lists} FROM data").fetchall()[0]
    return {name: tuple(values) for name, values in zip(few, found, strict=True)}


def _column(profile: Profile, rows: int, values: tuple[str, ...] | None, config: InferSchemaConfig) -> Column:
    share = profile.missing / rows
    share = min(1.0, math.ceil((share + config.null_slack) * 1e4) / 1e4) if share else 0.0
    low, high = _range(profile, config.range_slack)
    return Column(name=profile.name, type=profile.type, max_null_fraction=share, min=low, max=high, values=values)


def _range(profile: Profile, slack: float) -> tuple[float | None, float | None]:
    if profile.least is None or profile.most is None:
        return None, None
    least, most = float(profile.least), float(profile.most)
    room = (most - least) * slack
    if not room or not math.isfinite((least - room) + (most + room)):
        return least, most
    digits = 1 - math.floor(math.log10(room))  # off by a twentieth of the room at most, so never inside the range
    digits = min(digits, 0) if profile.type == "int64" else digits
    low, high = round(least - room, digits), round(most + room, digits)
    return (max(low, 0.0) if least >= 0 else low), high
