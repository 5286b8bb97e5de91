"""Report: one self-contained HTML page for eyes, and a JSON file beside it for gates.

The page names no host, runs no script and escapes every text; only figures, which the library draws itself, go
in as they are. Equal reports have equal bytes.
"""

from __future__ import annotations

import functools
import json as json_format
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import rename_file, write_json
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

HERE = Path(__file__).parent
TEMPLATE, STYLE = "report.html.j2", "report.css"

#: What a verdict means to the eye; any other word is neutral.
MOODS = {"pass": "good", "promote": "good", "fail": "bad", "reject": "bad"}


@dataclass(frozen=True)
class Table:
    """Rows under headers; cells are text or numbers.

    Attributes:
        headers: one for each column; the first column names the row.
        rows: cells in the order of the headers; None is shown as missing.
        caption: what the table is, read aloud before it.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""

    @property
    def numeric(self) -> list[bool]:
        """For each column: whether it holds numbers and nothing else."""
        columns = [[row[at] for row in self.rows if row[at] is not None] for at in range(len(self.headers))]
        return [bool(cells) and all(map(_is_number, cells)) for cells in columns]


@dataclass(frozen=True)
class Section:
    """A heading with some text, tables and figures.

    Attributes:
        title: the heading.
        text: a paragraph under it.
        tables: below the text.
        figures: SVG elements that the library drew; they are not escaped, so never a user's own.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """What a step found.

    Attributes:
        title: of the page.
        verdict: one word that gates read: pass or fail, promote or reject.
        reasons: why, a sentence each.
        facts: JSON values for machines; those that are no lists or dicts are the page's summary.
        sections: the page's body.
    """

    title: str
    verdict: str
    reasons: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    sections: Sequence[Section] = ()

    def write(self, html: Path, json: Path) -> None:
        """Writes both files, each whole or not at all.

        Args:
            html: the page.
            json: title, verdict, reasons and facts.

        Raises:
            ArtifactError: a place cannot be written.
        """
        reasons = list(self.reasons)
        value = {"title": self.title, "verdict": self.verdict, "reasons": reasons, "facts": self.facts}
        page = self.html()
        drafts = {path: path.with_name(f".{path.name}.draft") for path in (html, json)}
        try:
            for path in drafts:
                path.parent.mkdir(parents=True, exist_ok=True)
            drafts[html].write_text(page, "utf-8")
            write_json(drafts[json], value)
            for path, draft in drafts.items():
                rename_file(draft, path)
        except OSError as error:
            got, advice = error.strerror or error, "check the path and its rights"
            raise ArtifactError("the report cannot be written", where=html, got=got, do=advice) from error
        finally:
            for draft in filter(Path.is_file, drafts.values()):
                draft.unlink()

    def html(self) -> str:
        """The page."""
        nested = (dict, list, tuple)
        summary = {name: value for name, value in self.facts.items() if not isinstance(value, nested)}
        return _template().render(report=self, summary=summary, mood=MOODS.get(self.verdict, "neutral"))


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = shown
    environment.globals["style"] = (HERE / STYLE).read_text("utf-8")
    return environment.get_template(TEMPLATE)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A value as a person reads it: 336,776 and 12.35, true, and JSON for what is nested."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (dict, list, tuple)):
        return json_format.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if 1000 <= abs(value) < 1e15:  # noqa: PLR2004 - where digits after the point stop mattering, and where a float stops being exact
        return f"{value:,.1f}"
    return f"{value:.4g}"
