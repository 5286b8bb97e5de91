"""The one exception tree. Every error says what, where, got, and what to do next."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

SHOWN_ROWS = 5


class FairleadError(Exception):
    """What a user can mend, told without a traceback.

    Args:
        what: the rule that does not hold, in one sentence.
        where: the file, column, parameter, step or address.
        got: the value that was found there.
        do: what to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = "", got: object = "", do: str = "") -> None:
        self.what, self.where, self.got, self.do = what, str(where), str(got), do
        super().__init__(what)

    def __str__(self) -> str:
        parts = (("where", self.where), ("got", self.got), ("do next", self.do))
        return "\n".join([self.what, *(f"  {name + ':':8} {text}" for name, text in parts if text)])


class ConfigError(FairleadError):
    """A parameter, flag or config file that cannot be used."""

    exit_code = 2


class DataError(FairleadError):
    """Data that breaks a rule: the first five offending rows and how many there are."""

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: object = "",
        got: object = "",
        do: str = "",
        rows: Sequence[Mapping[str, Any]] = (),
        count: int = 0,
    ) -> None:
        super().__init__(what, where=where, got=got, do=do)
        self.rows, self.count = list(rows[:SHOWN_ROWS]), count or len(rows)

    def __str__(self) -> str:
        if not self.rows:
            return super().__str__()
        shown = [f"    {dict(row)}" for row in self.rows]
        head = f"  rows:    {self.count:,} in all; the first {len(shown)}:"
        return "\n".join([super().__str__(), head, *shown])


class ArtifactError(FairleadError):
    """An artifact that is missing, damaged or of another kind."""

    exit_code = 4


class RunError(FairleadError):
    """A run that cannot start or a step that failed."""

    exit_code = 5


class ServeError(FairleadError):
    """A model that cannot be served, or a server that does not answer as it must."""

    exit_code = 6


class ClusterError(FairleadError):
    """A cluster that refuses, or does not answer.

    Args:
        status: the HTTP status; 0 when there was no answer.
    """

    exit_code = 8

    def __init__(self, what: str, *, where: object = "", got: object = "", do: str = "", status: int = 0) -> None:
        super().__init__(what, where=where, got=got, do=do)
        self.status = status


def show_without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An excepthook: a user's mistake in plain words, everything else as Python shows it."""
    if isinstance(error, FairleadError):
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the last words of a process
    else:
        sys.__excepthook__(kind, error, trace)


if os.environ.get("_KFP_RUNTIME") == "true":  # inside a step, where nobody stands above to catch it
    sys.excepthook = show_without_traceback
