"""What must change on a cluster so that it has what a file says: compared here, done by `apply`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Facts = dict[str, Any]
Verb = Literal["upload", "create", "enable", "disable", "retire"]

OWNER = re.compile(r"(?P<said>.*?)\s*\[fairlead apply: (?P<owner>[^\]]+)\]", re.DOTALL)
LONGEST = 60


def marked(description: str, owner: str) -> str:
    """A description with the mark of the file that makes the recurring run."""
    return f"{description}\n\n[fairlead apply: {owner}]".strip()


def unmarked(description: str) -> tuple[str, str]:
    """A description without the mark, and whose mark it was; "" when it had none."""
    found = OWNER.fullmatch(description)
    return (found["said"], found["owner"]) if found else (description, "")


@dataclass(frozen=True)
class Wanted:
    """A recurring run as the file has it; a fact that Kubeflow Pipelines may choose itself is left out."""

    facts: Facts
    enabled: bool = True


@dataclass(frozen=True)
class Found:
    """A recurring run of this file as the cluster has it.

    Attributes:
        id: the cluster's.
        name: that it was given.
        facts: as the file would say them.
        enabled: it starts runs.
        busy: a run of it has not ended.
    """

    id: str
    name: str
    facts: Facts
    enabled: bool = True
    busy: bool = False


@dataclass(frozen=True)
class Change:
    """A line of the plan, and the steps that make it true, in order; each may be the last one that is done.

    Attributes:
        mark: + made, ~ changed, - removed, = as it is to be.
        text: for people.
        steps: a verb and what it is done to: the name of what is made, the id of what is there.
    """

    mark: Literal["+", "~", "-", "="]
    text: str
    steps: tuple[tuple[Verb, str], ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.mark} {self.text}"


def plan_pipeline(name: str, version: str, versions: Sequence[str] | None) -> Change:
    """What becomes of a pipeline.

    Args:
        name: on the cluster.
        version: that it is to have.
        versions: that it has; None when there is no such pipeline.
    """
    text = f"pipeline {name}: version {version}"
    if versions is not None and version in versions:
        return Change("=", text)
    return Change("+" if versions is None else "~", text, (("upload", name),))


def plan_recurring_runs(wanted: Mapping[str, Wanted], found: Sequence[Found]) -> Iterator[Change]:
    """What becomes of recurring runs.

    They cannot be changed, only enabled and disabled: a changed one is made anew, and then the one before is retired,
    so that there is always one. An apply that was cut off may leave two of a name; then the right one is kept.

    Args:
        wanted: by name.
        found: those of this file, the newest first.
    """
    for name, want in wanted.items():
        mine = sorted((one for one in found if one.name == name), key=lambda one: (not one.enabled, one.busy))
        right = [one for one in mine if one.facts == want.facts]
        kept = next((one for one in right if one.enabled == want.enabled), right[0] if right else None)
        yield _made(name, want, mine) if kept is None else _kept(kept, want)
        yield from (_left(one, "the one before") for one in mine if one is not kept)
    yield from (_left(one, "not in the file any more") for one in found if one.name not in wanted)


def _made(name: str, want: Wanted, before: Sequence[Found]) -> Change:
    steps: tuple[tuple[Verb, str], ...] = (("create", name),)
    if not before:
        said = ", ".join(f"{key} {_short(want.facts[key])}" for key in ("pipeline", "version", "cron"))
        return Change("+", f"recurring run {name}: {said}", steps)
    old = {**before[0].facts, "enabled": before[0].enabled}
    changes = ", ".join(differences(old, {**want.facts, "enabled": want.enabled}))
    return Change("~", f"recurring run {name}: {changes}", steps)


def _kept(kept: Found, want: Wanted) -> Change:
    if kept.enabled == want.enabled:
        return Change("=", f"recurring run {kept.name}")
    changes = ", ".join(differences({"enabled": kept.enabled}, {"enabled": want.enabled}))
    return Change("~", f"recurring run {kept.name}: {changes}", (("enable" if want.enabled else "disable", kept.id),))


def _left(one: Found, why: str) -> Change:
    """One that is to go; but a run that is under way would be killed with it, as its workflow belongs to it."""
    if not one.busy:
        return Change("-", f"recurring run {one.name}, {why}", (("retire", one.id),))
    text = f"recurring run {one.name}, {why}: disabled, and kept until its run has ended"
    return Change("-", text, (("disable", one.id),)) if one.enabled else Change("=", text)


def differences(old: Facts, new: Facts) -> Iterator[str]:
    """Each fact that is not the same, as `cron "0 0 3 * * *" -> "0 0 4 * * *"`."""
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            before, after = _short(old.get(key)), _short(new.get(key))
            yield f"{key} {before} -> {after}" if before != after else f"{key} changed"


def _short(value: Any) -> str:
    text = "(none)" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
