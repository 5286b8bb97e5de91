"""What a schema asks of rows, as SQL that DuckDB evaluates in one pass over the table `data`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.tables.duck import literal, quote

NUMBERS = ("int64", "float64")

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairlead.artifacts.schema import Column, Schema


@dataclass(frozen=True)
class Rule:
    """One rule over rows.

    Attributes:
        name: what a report calls it.
        columns: whose values it reads.
        expected: what holds when it is kept, in words.
        broken: the condition of an offending row.
        got: an aggregate over the offending rows that tells what was found.
        tally: an aggregate over all rows that is 0 when none offends.
        allowed: the share of rows that may offend.
    """

    name: str
    columns: tuple[str, ...]
    expected: str
    broken: str
    got: str
    tally: str
    allowed: float = 0.0


def missing(name: str, kind: str) -> str:
    """The condition of a missing value: null, not-a-number, or an empty text."""
    column = quote(name)
    also = {"float64": f" OR isnan({column})", "string": f" OR {column} = ''"}
    return f"({column} IS NULL{also.get(kind, '')})"


def finite(name: str, kind: str) -> str:
    """A number that has its place on the number line, else null."""
    column = quote(name)
    return f"CASE WHEN isfinite({column}) THEN {column} END" if kind == "float64" else column


def rules_of(schema: Schema, present: Mapping[str, str]) -> list[Rule]:
    """The rules of a schema that rows can be held against.

    Args:
        schema: columns and keys.
        present: the data's columns and types; rules on a column that is not among them are left out.
    """
    columns = [column for column in schema.columns if present.get(column.name) == column.type]
    known = {column.name for column in columns}
    rules = [rule for column in columns for rule in _column_rules(column)]
    return rules + [key_rule(key) for key in schema.keys if known.issuperset(key)]


def _column_rules(column: Column) -> Iterator[Rule]:
    name = quote(column.name)
    gone = missing(column.name, column.type)
    allowed = column.max_null_fraction
    share = f"at most {100 * allowed:.4g} % missing" if allowed else "none missing"
    yield _each("missing values", column, share, gone, "count(*) || ' missing'", allowed)
    if column.type == "float64":
        yield _each("infinity", column, "finite numbers", f"isinf({name})", "count(*) || ' infinite'")
    yield from _range_rules(column)
    if column.values is not None:
        known = ", ".join(map(literal, column.values))
        other = f"NOT {gone}" + (f" AND {name} NOT IN ({known})" if known else "")
        found = f"array_to_string(list_sort(list(DISTINCT {name}))[:5], ', ')"
        yield _each("category", column, f"one of {len(column.values)} values", other, found)
    if column.unique:
        yield _unique(column, gone)


def _range_rules(column: Column) -> Iterator[Rule]:
    value, names = finite(column.name, column.type), (column.name,)
    for name, end, limit, sign, words in (
        ("minimum", "min", column.min, "<", "at least"),
        ("maximum", "max", column.max, ">", "at most"),
    ):
        if limit is not None:
            beyond = f"{sign} {limit!r}::DOUBLE"
            found = f"{end}({value})"
            tally = f"coalesce({found} {beyond}, false)::INT"
            yield Rule(name, names, f"{words} {limit:.6g}", f"{value} {beyond}", found, tally)


def _each(name: str, column: Column, expected: str, broken: str, got: str, allowed: float = 0.0) -> Rule:
    return Rule(name, (column.name,), expected, broken, got, f"count(*) FILTER ({broken})", allowed)


def _unique(column: Column, gone: str) -> Rule:
    """No value twice; what is missing repeats nothing."""
    name = quote(column.name)
    tally = f"count(*) FILTER (NOT {gone}) - count(DISTINCT {name}) FILTER (NOT {gone})"
    repeated = f"SELECT {name} FROM data WHERE NOT {gone} GROUP BY ALL HAVING count(*) > 1"
    got = f"count(DISTINCT {name}) || ' values more than once'"
    return Rule("unique", (column.name,), "no value twice", f"{name} IN ({repeated})", got, tally)


def key_rule(columns: tuple[str, ...]) -> Rule:
    """No combination twice; what is missing is a value like the others."""
    parts = ", ".join(f"part{at} := {quote(name)}" for at, name in enumerate(columns))
    value = f"struct_pack({parts})"
    tally = f"count(*) - count(DISTINCT {value})"
    repeated = f"SELECT {value} FROM data GROUP BY ALL HAVING count(*) > 1"
    got = f"count(DISTINCT {value}) || ' keys more than once'"
    return Rule("key", columns, "no combination twice", f"{value} IN ({repeated})", got, tally)
