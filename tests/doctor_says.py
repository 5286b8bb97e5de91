"""`fairlead doctor` as a process, and what it said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

NOWHERE = "http://127.0.0.1:1"
LONGEST_S = 280
LINE = re.compile(r"(?P<state>ok|FIX|skip) +(?P<what>\S.*?\S)  +(?P<detail>\S.*)")
BY = re.compile(r" {5}by: \S.*")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def remedies(self) -> dict[str, str]:
        """What mends each finding that is wrong."""
        lines = self.out.splitlines()
        found = ((LINE.fullmatch(line), after) for line, after in pairwise(lines) if line.startswith("FIX "))
        return {match["what"]: after.strip().removeprefix("by: ") for match, after in found if match}

    def line(self, what: str) -> tuple[str, str]:
        """The state and the detail of a finding."""
        found = [match for text in self.out.splitlines() if (match := LINE.fullmatch(text)) and match["what"] == what]
        assert found, f"no line on {what}:\n{self.out}"
        return found[0]["state"], found[0]["detail"]


def start(*words: str, **env: str) -> subprocess.Popen[str]:
    """The command, with nothing of this process's Docker, Kubernetes or keys but what is given."""
    command = [Path(sys.executable).parent / "fairlead", "doctor", *words]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "KUBE", "DOCKER_"))}
    environment, pipe = {**kept, "DOCKER_HOST": NOWHERE, **env}, subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def doctor(*words: str, **env: str) -> Said:
    """What it says; each of its lines is well-formed, and each FIX has a remedy."""
    with start(*words, **env) as process:
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert "Traceback" not in out + err
    lines = out.splitlines()
    for line, after in pairwise([*lines, ""]):
        assert BY.fullmatch(line) or LINE.fullmatch(line), line
        assert line.startswith("FIX ") == bool(BY.fullmatch(after)), line
    return Said(process.returncode, out, err)
