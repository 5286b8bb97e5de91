"""Rules that do not hold, each with the rows that break it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import SHOWN_ROWS
from fairlead.tables.duck import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from fairlead.validate.rules import Rule

ROW_NUMBER = "row number"


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold.

    Attributes:
        rule: its name.
        column: the column or columns it is about.
        expected: what the schema asks.
        got: what the data holds instead.
        count: how many rows offend; 0 for rules about columns.
        rows: the first five of them: the row's number from 0, the offending columns, then the others.
    """

    rule: str
    column: str
    expected: str
    got: str
    count: int = 0
    rows: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        rows = f", in {self.count:,} rows" if self.count else ""
        subject = f"{self.column}: " if self.column else ""
        return f"{subject}{self.rule}: expected {self.expected}, got {self.got}{rows}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def find_violations(
    engine: duckdb.DuckDBPyConnection, rules: Sequence[Rule], tallies: Sequence[int], rows: int
) -> list[Violation]:
    """Looks up the rows of each rule that more rows break than may.

    Args:
        engine: where the table `data` is.
        rules: in the order of the result.
        tallies: what each rule's `tally` gave.
        rows: the number of all rows.
    """
    broken = [rule for rule, tally in zip(rules, tallies, strict=True) if tally > rule.allowed * rows]
    return [_look_up(engine, rule) for rule in broken]


def _look_up(engine: duckdb.DuckDBPyConnection, rule: Rule) -> Violation:
    count, got = engine.execute(f"SELECT count(*), {rule.got} FROM data WHERE {rule.broken}").fetchall()[0]
    names = listed(rule.columns)
    first = engine.execute(
        f"SELECT row_number() OVER () - 1, {names}, * EXCLUDE ({names}) FROM data"
        f" QUALIFY {rule.broken} LIMIT {SHOWN_ROWS}"
    )
    headers = [ROW_NUMBER, *(column[0] for column in (first.description or ())[1:])]
    rows = tuple(dict(zip(headers, map(plain, row), strict=True)) for row in first.fetchall())
    return Violation(rule.name, ", ".join(rule.columns), rule.expected, str(got), count, rows)


def plain(value: Any) -> Any:
    """A value as JSON holds it: dates and numbers that are not finite as text."""
    if isinstance(value, (dt.date, dt.datetime)) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value
