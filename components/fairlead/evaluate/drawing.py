"""Drawings for a report: small SVG elements in the page's own colours, the same bytes for the same data."""

from __future__ import annotations

import html
import io
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

#: The page's colours (report.css) by the values they have here; in the drawing they follow the reader's theme.
INK, SOFT, LINE, ACCENT, WARM = "#1b2330", "#5a6575", "#dfe3e9", "#2f6fde", "#c2571a"
THEME = {INK: "--ink", SOFT: "--soft", LINE: "--line", ACCENT: "--accent", WARM: "--warm"}
PALETTE = (ACCENT, WARM, "#2a9d6f", "#8a5cd6", "#b8860b", SOFT)
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.labelcolor": SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": SOFT,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


class Drawing:
    """A figure with one pair of axes; `svg` is there once its block has ended."""

    axes: Axes
    svg: str = ""


@contextmanager
def drawing(title: str, across: str, up: str, *, height: float = 3.4) -> Iterator[Drawing]:
    """Yields a drawing to put marks on.

    Args:
        title: of the drawing, also read aloud.
        across: label of the horizontal axis.
        up: label of the vertical axis.
        height: in inches; the width is 5.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", {**STYLE, "svg.hashsalt": title}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the page's font has it, not the one that measures
        figure, drawn = Figure(figsize=(5, height)), Drawing()
        drawn.axes = figure.add_subplot()
        drawn.axes.set(title=title, xlabel=across, ylabel=up)
        yield drawn
        drawn.svg = _svg(figure, title)


def _svg(figure: Any, title: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    head, body = svg[svg.index("<svg") :].split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f'<svg {names} {box[0] if box else ""} role="img" aria-label="{html.escape(title)}"'
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # these names are the same in every drawing
    for color, name in THEME.items():
        body = body.replace(color, f"var({name}, {color})")
    return f"{head}>{body}".rstrip()


def short(label: str, most: int = 22) -> str:
    """A label in one line that leaves room for the drawing."""
    line = " ".join(label.split())
    return line if len(line) <= most else line[: most - 1] + "…"
