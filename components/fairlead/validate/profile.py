"""What one pass over a table tells about its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.tables.duck import quote
from fairlead.validate.rules import NUMBERS, finite, missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb


@dataclass(frozen=True)
class Profile:
    """One column as it was found.

    Attributes:
        name: the column.
        type: of a Dataset's types.
        missing: rows without a value.
        least: the smallest finite number, None without one.
        most: the greatest finite number, None without one.
        different: how many different texts there are, None for other types; the empty text is missing.
    """

    name: str
    type: Any
    missing: int
    least: float | None
    most: float | None
    different: int | None


def profile(
    engine: duckdb.DuckDBPyConnection,
    columns: Mapping[str, str],
    tallies: Sequence[str] = (),
    *,
    count_texts: bool = False,
) -> tuple[list[Profile], list[int]]:
    """Profiles the columns of the table `data` and evaluates more aggregates, all in one pass.

    Args:
        engine: where the table is.
        columns: their names and types.
        tallies: SQL aggregates that give integers.
        count_texts: also count the different texts, which takes the longest.
    """
    measures = [sql for name, kind in columns.items() for sql in _measures(name, kind, count_texts=count_texts)]
    query = f"SELECT {', '.join([*measures, *tallies, 'count(*)'])} FROM data"
    values = iter(engine.execute(query).fetchall()[0])
    profiles = [Profile(name, kind, *(next(values) for _ in range(4))) for name, kind in columns.items()]
    return profiles, [next(values) for _ in tallies]


def _measures(name: str, kind: str, *, count_texts: bool) -> tuple[str, ...]:
    column, gone = quote(name), missing(name, kind)
    ends = ("NULL", "NULL")
    if kind in NUMBERS:
        ends = (f"min({finite(name, kind)})", f"max({finite(name, kind)})")
    texts = f"count(DISTINCT {column}) FILTER (NOT {gone})" if count_texts and kind == "string" else "NULL"
    return (f"count(*) FILTER ({gone})", *ends, texts)
