"""Finding: one line of what the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.errors import FairleadError

LONGEST = 320
WIDTH = 25


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        state: "ok"; "FIX" when something is wrong; "skip" when it was not looked at, or does not matter here.
        what: was looked at.
        detail: what was seen there, or why it was not looked at.
        by: what mends it.
    """

    state: Literal["ok", "FIX", "skip"]
    what: str
    detail: str
    by: str = ""

    def text(self, hide: Callable[[str], str] = str) -> str:
        """As it is shown; `hide` takes secrets out of it."""
        lines = [f"{self.state:4} {self.what:{WIDTH}} {_line(hide(self.detail))}"]
        if self.by:
            lines.append(f"     by: {' '.join(hide(self.by).split())}")
        return "\n".join(lines)


def ok(what: str, detail: str) -> Finding:
    """It is as it must be."""
    return Finding("ok", what, detail)


def fix(what: str, got: object, by: str) -> Finding:
    """It is wrong, and this mends it."""
    return Finding("FIX", what, str(got), by)


def skip(what: str, why: str) -> Finding:
    """It was not looked at, or does not matter here."""
    return Finding("skip", what, why)


def fix_of(what: str, error: FairleadError) -> Finding:
    """An error, told as a finding."""
    where = f" ({error.where})" if error.where and error.where not in error.got else ""
    got = f"{error.what}: {error.got}" if error.got else error.what
    return fix(what, f"{got}{where}", error.do or "mend that and run fairlead doctor again")


def _line(text: str) -> str:
    """One line, not too long: what was tried stands first, the cause at the end."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
