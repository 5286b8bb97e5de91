"""`check_table`: holds data against a schema and tells every rule it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.artifacts.config import Config
from fairlead.artifacts.dataset import Dataset
from fairlead.artifacts.report import Report, Section, Table
from fairlead.artifacts.schema import Schema
from fairlead.errors import DataError
from fairlead.tables.duck import connect, view
from fairlead.validate.profile import Profile, profile
from fairlead.validate.rules import rules_of
from fairlead.validate.violations import Violation, find_violations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class CheckTableConfig(Config):
    """How strict the check is.

    Attributes:
        allow_extra_columns: lets columns be that the schema does not know.
        raise_on_fail: raises the first broken rule, once both files are written, instead of giving a verdict.
    """

    allow_extra_columns: bool = False
    raise_on_fail: bool = False


@dataclass(frozen=True)
class CheckResult:
    """What the check found.

    Attributes:
        verdict: "pass" or "fail".
        violations: every rule that does not hold.
    """

    verdict: str
    violations: tuple[Violation, ...]


def check_table(data: Path, schema: Path, config: CheckTableConfig, report: Path, result: Path) -> CheckResult:
    """Checks columns, types, missing values, ranges, infinity, categories, uniqueness, keys and the number of rows.

    The order of columns is free. A missing value breaks no rule but `max_null_fraction`; infinity always breaks one.

    Args:
        data: a Dataset directory.
        schema: a YAML file, as `infer_schema` writes it.
        config: how strict to be.
        report: the HTML page to write.
        result: the JSON file to write.

    Raises:
        ArtifactError: the data is damaged, or the schema is no schema.
        DataError: the check fails and `raise_on_fail` is set.
    """
    dataset, wanted = Dataset.open(data), Schema.open(schema)
    rules = rules_of(wanted, dataset.columns)
    with connect() as engine:
        view(engine, "data", dataset)
        profiles, tallies = profile(engine, dataset.columns, [rule.tally for rule in rules])
        in_rows = find_violations(engine, rules, tallies, dataset.rows)
    found = (*_about_the_table(dataset, wanted, config), *in_rows)
    checked = CheckResult("fail" if found else "pass", found)
    _report(dataset, wanted, checked, profiles).write(report, result)
    if found and config.raise_on_fail:
        first, advice = found[0], "mend the data, or the schema if the data is right"
        rule = f"the data breaks {len(found)} rules of its schema; {first.rule}: expected {first.expected}"
        where = f"{data}, {first.column}"
        raise DataError(rule, where=where, got=first.got, do=advice, rows=first.rows, count=first.count)
    return checked


def _about_the_table(dataset: Dataset, schema: Schema, config: CheckTableConfig) -> Iterator[Violation]:
    if dataset.rows < schema.min_rows:
        yield Violation("rows", "", f"at least {schema.min_rows:,}", f"{dataset.rows:,}")
    for column in schema.columns:
        kind = dataset.columns.get(column.name)
        if kind is None:
            yield Violation("column gone", column.name, column.type, "no such column")
        elif kind != column.type:
            yield Violation("type", column.name, column.type, kind)
    known = {column.name for column in schema.columns}
    for name in dataset.columns:
        if name not in known and not config.allow_extra_columns:
            yield Violation("column added", name, "no such column", dataset.columns[name])


def _report(dataset: Dataset, schema: Schema, checked: CheckResult, profiles: list[Profile]) -> Report:
    violations = checked.violations
    facts = {
        "rows": dataset.rows,
        "columns": len(dataset.columns),
        "rules broken": len(violations),
        "data fingerprint": dataset.fingerprint,
        "violations": [violation.as_dict() for violation in violations],
    }
    reasons = [str(violation) for violation in violations] or [f"every rule holds for {dataset.rows:,} rows"]
    sections = [_violation_section(violation) for violation in violations if violation.rows]
    sections.append(Section("Columns", "What the data holds.", [_column_table(dataset, schema, profiles)]))
    return Report("Data check", checked.verdict, reasons, facts, sections)


def _violation_section(violation: Violation) -> Section:
    shown = f"The first {len(violation.rows)} of {violation.count:,} rows"
    headers, rows = list(violation.rows[0]), [list(row.values()) for row in violation.rows]
    text = f"Expected {violation.expected}, got {violation.got}."
    return Section(f"{violation.column}: {violation.rule}", text, [Table(headers, rows, shown)])


def _column_table(dataset: Dataset, schema: Schema, profiles: list[Profile]) -> Table:
    allowed = {column.name: column for column in schema.columns}
    headers = ["column", "type", "missing", "allowed", "least", "allowed least", "most", "allowed most", "categories"]
    rows = []
    for found in profiles:
        rule = allowed.get(found.name)
        limits = (rule.max_null_fraction, rule.min, rule.max, rule.values) if rule else (None,) * 4
        share = found.missing / dataset.rows if dataset.rows else 0.0
        values = len(limits[3]) if limits[3] is not None else None
        rows.append([found.name, found.type, share, limits[0], found.least, limits[1], found.most, limits[2], values])
    return Table(headers, rows, "Shares of missing values and ranges, as found and as allowed")
