"""A schedule's cron, read as Kubeflow Pipelines reads it (robfig/cron 1.2), before anything is changed.

It has six fields, seconds first. Of five, the server would take the first for seconds: an hourly run instead of a daily
one. A date that never comes would hang its scheduler. Both are refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EVERY = re.compile(r"@every ([0-9]+[hms])+")
NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
RANGE = re.compile(r"(?P<start>\*|\?|\w+)(-(?P<end>\w+))?(/(?P<step>[0-9]{1,4}))?", re.ASCII)
LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
EXAMPLE = "0 0 3 * * * is every day at three"


@dataclass(frozen=True)
class Field:
    """One field: its least and greatest value, and names for them from the least on."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """The values that a list of ranges means.

        Raises:
            ValueError: it means none.
        """
        return {value for part in text.split(",") for value in self._range(part)}

    def _range(self, text: str) -> range:
        found = RANGE.fullmatch(text)
        if not found or (found["start"] in "*?" and found["end"]):
            raise ValueError(f"{text!r} is no value for {self.name}; {EXAMPLE}")
        if found["start"] in "*?":
            start, end = self.least, self.most
        else:
            start = self._number(found["start"])
            end = self._number(found["end"]) if found["end"] else (self.most if found["step"] else start)
        step = int(found["step"] or 1)
        if start > end or not step:
            raise ValueError(f"{text!r} is an empty range of {self.name}")
        return range(start, end + 1, step)

    def _number(self, text: str) -> int:
        number = self.least + self.names.index(text.lower()) if text.lower() in self.names else -1
        number = int(text) if text.isdecimal() else number
        if not self.least <= number <= self.most:
            raise ValueError(f"{text!r} is no value for {self.name}, {self.least} to {self.most}")
        return number


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    Field("seconds", 0, 59),
    Field("minutes", 0, 59),
    Field("hours", 0, 23),
    Field("days of a month", 1, 31),
    Field("months", 1, 12, MONTHS),
    Field("days of a week", 0, 6, WEEKDAYS),
)


def check_cron(text: str) -> str:
    """The text, if a schedule can follow it.

    Raises:
        ValueError: it cannot be parsed, or would never come.
    """
    if text.startswith("@"):
        if text in NAMED or EVERY.fullmatch(text):
            return text
        raise ValueError(f"{text!r} is none of {', '.join(NAMED)} and not like @every 1h30m")
    fields = text.split()
    if len(fields) != len(FIELDS):
        advice = f"write 0 {text}" if len(fields) == len(FIELDS) - 1 else EXAMPLE
        raise ValueError(f"it has six fields, seconds first, and this one has {len(fields)}; {advice}")
    *_, days, months, _ = [field.values(part) for field, part in zip(FIELDS, fields, strict=True)]
    any_weekday = "*" in fields[-1] or "?" in fields[-1]  # else the days of the week come as well as those of the month
    if any_weekday and all(min(days) > LONGEST.get(month, 31) for month in months):
        raise ValueError(f"such a day never comes: {text}")
    return text
