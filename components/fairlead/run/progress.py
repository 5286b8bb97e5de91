"""What a user sees of a run: a line for each step, and a table at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.run.result import Event, Listener

SHOWN_FACTS = 4
MARKS = {"succeeded": "ok", "cached": "cached", "skipped": "skipped", "failed": "FAILED", "interrupted": "stopped"}
COLOURS = {"succeeded": "green", "cached": "cyan", "skipped": "dim", "failed": "bold red", "interrupted": "yellow"}


def progress(stream: TextIO | None = None) -> Listener:
    """A listener for a stream, standard error by default: a live table on a terminal, plain lines elsewhere."""
    stream = stream or sys.stderr
    return LiveTable(stream) if stream.isatty() else PlainLines(stream)


def facts_text(facts: dict[str, Any]) -> str:
    """A few facts in one line: verdicts as they are, numbers short."""
    return ", ".join(f"{name} {_short(value)}" for name, value in list(facts.items())[:SHOWN_FACTS])


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


class PlainLines:
    """A line when a step ends, and a summary."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._width = stream, 0
        self._count: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Writes what the event says."""
        told: dict[str, Callable[[Event], str]] = {
            "run_started": self._started,
            "task_finished": self._finished,
            "run_finished": self._summary,
        }
        if event.kind in told:
            self._stream.write(told[event.kind](event) + "\n")
            self._stream.flush()

    def _started(self, event: Event) -> str:
        self._width = max(map(len, event.facts["steps"]), default=0)
        note = f"\n  {event.facts['note']}" if "note" in event.facts else ""
        return f"{event.name}: {len(event.facts['steps'])} steps, runner {event.facts['runner']}{note}"

    def _finished(self, event: Event) -> str:
        mark = MARKS[event.state or "failed"]
        self._count[mark] = self._count.get(mark, 0) + 1
        return f"  {event.name:{self._width}}  {mark:8}{event.seconds:8.2f} s  {facts_text(event.facts)}".rstrip()

    def _summary(self, event: Event) -> str:
        counts = ", ".join(f"{count} {mark}" for mark, count in self._count.items())
        ended = {"succeeded": "done", "failed": "failed"}.get(str(event.state), "interrupted; finished steps are kept")
        return f"{event.name}: {ended} in {event.seconds:.2f} s ({counts})"


class LiveTable:
    """A table that fills while steps run; drawn without a thread, so that steps can be forked beside it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._title = ""
        self._rows: dict[str, tuple[str, str, str]] = {}

    def __call__(self, event: Event) -> None:
        """Redraws the table."""
        if event.kind == "run_started":
            self._title = f"{event.name} · {event.facts['runner']}"
            if "note" in event.facts:
                self._console.print(event.facts["note"], style="dim", highlight=False, markup=False)
            self._rows = dict.fromkeys(event.facts["steps"], ("[dim]waits[/]", "", ""))
            self._live.start()
        elif event.kind == "task_started":
            self._rows[event.name] = ("[blue]runs[/]", "", "")
        elif event.kind == "task_finished":
            state = event.state or "failed"
            seconds = "" if state == "skipped" else f"{event.seconds:.2f} s"
            self._rows[event.name] = (f"[{COLOURS[state]}]{MARKS[state]}[/]", seconds, facts_text(event.facts))
        else:
            ended = "interrupted; finished steps are kept" if event.state == "interrupted" else str(event.state)
            self._title += f" · {ended} · {event.seconds:.2f} s"
        self._live.update(self._table(), refresh=True)
        if event.kind == "run_finished":
            self._live.stop()

    def _table(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=self._title, title_justify="left", box=None, pad_edge=False)
        for name, justify in (("step", "left"), ("", "left"), ("time", "right"), ("facts", "left")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]  # a tuple's literals widen to str
        for name, (state, seconds, facts) in self._rows.items():
            table.add_row(escape(name), state, seconds, escape(facts))
        return table
