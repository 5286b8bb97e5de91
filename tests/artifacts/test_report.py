from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.artifacts.report import Report, Section, Table, shown
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "br", "hr", "img", "link", "input"}
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("<>&\"'{}%\n"), min_size=1, max_size=30
)
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\"'&amp;"


class Page(HTMLParser):
    """Tags, attributes and text; refuses tags that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", list[str]()
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


def report(text: str = "carrier", **facts: Any) -> Report:
    table = Table([text, "count"], [[text, 1_234_567], ["", None]], text)
    return Report(text, "fail", [text], {"rows": 336_776, text: text, **facts}, [Section(text, text, [table])])


def test_the_json_holds_verdict_reasons_and_facts(tmp_path: Path) -> None:
    report(nested={"a": [1, None]}).write(tmp_path / "page.html", tmp_path / "page.json")
    assert json.loads((tmp_path / "page.json").read_text("utf-8")) == {
        "title": "carrier",
        "verdict": "fail",
        "reasons": ["carrier"],
        "facts": {"rows": 336_776, "carrier": "carrier", "nested": {"a": [1, None]}},
    }


def test_the_page_shows_it_all_and_loads_nothing() -> None:
    html = report().html()
    page = Page(html)
    for text in ("carrier", "fail", "336,776", "1,234,567", "missing", "empty"):
        assert text in page.text
    assert not re.search(r"https?:|url\(|@import", html)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not [attribute for _, found in page.tags for attribute in found if attribute in ("src", "href")]


def test_tables_can_be_read_aloud() -> None:
    page = Page(report().html())
    headers = [found for tag, found in page.tags if tag == "th"]
    assert [found["scope"] for found in headers] == ["col", "col", "row", "row"]
    assert [tag for tag, _ in page.tags].count("caption") == 1
    assert ("html", {"lang": "en"}) in page.tags


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert Table(["a", "b", "c"], [["x", 1, 1], ["y", None, "z"]]).numeric == [False, True, False]
    assert Table(["a"], []).numeric == [False]
    assert Table(["a"], [[True]]).numeric == [False]


@given(TEXTS)
def test_any_text_stays_text(text: str) -> None:
    html = report(text).html()
    assert [tag for tag, _ in Page(html).tags] == [tag for tag, _ in Page(report("carrier").html()).tags]
    assert text.strip() in Page(html).text.replace("\r", "\n") or "\r" in text


def test_hostile_text_is_escaped_everywhere() -> None:
    html = report(HOSTILE).html()
    assert "<script" not in html
    assert "<img" not in html
    assert "49" not in html
    assert HOSTILE in Page(html).text


def test_drawings_go_in_as_they_are() -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
    assert drawing in Report("t", "pass", sections=[Section("s", figures=[drawing])]).html()


@pytest.mark.parametrize(
    ("verdict", "mood"), [("pass", "good"), ("promote", "good"), ("fail", "bad"), ("reject", "bad"), ("x", "neutral")]
)
def test_verdicts_have_a_colour(verdict: str, mood: str) -> None:
    assert ("p", {"class": f"badge {mood}"}) in Page(Report("t", verdict).html()).tags


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (12345.678, "12,345.7"),
        (1e300, "1e+300"),
        (-1234.5, "-1,234.5"),
        (math.inf, "inf"),
        (True, "true"),
        ({"a": "é"}, '{"a": "é"}'),
        ([1, 2], "[1, 2]"),
        ("x", "x"),
    ],
)
def test_values_are_shown_as_a_person_reads_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_equal_reports_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        report().write(tmp_path / name, tmp_path / f"{name}.json")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_what_is_not_json_leaves_both_files_as_they_were(tmp_path: Path) -> None:
    html, facts = tmp_path / "page", tmp_path / "facts"
    report().write(html, facts)
    before = html.read_bytes(), facts.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        report(bad=math.nan).write(html, facts)
    assert (html.read_bytes(), facts.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts", "page"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="the report cannot be written"):
        report().write(tmp_path / "file" / "page", tmp_path / "facts")
