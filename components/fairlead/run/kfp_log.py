"""What stands in the log of a pod that KFP made: the step's own words, and those of the launcher or driver around."""

from __future__ import annotations

import json
import re
from typing import Any

STAMP = r"\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.-]+\.go:\d+\] "
GLOG = rf"[IWEF]{STAMP}"
#: A line of the launcher, with the JSON that it may print over several; a line of Argo's emissary.
AROUND = re.compile(
    rf"{GLOG}(?:[^\n]*\{{\n(?: [^\n]*\n)*\}}\n?|[^\n]*\n?)|^time=\S+ level=\w+ [^\n]* argo=true[^\n]*\n?", re.MULTILINE
)
OUTPUT = re.compile(rf"{GLOG}ExecutorOutput: (?=\{{)")
CACHED = re.compile(r'key: ?"cached_execution_id" +value: ?\{string_value: ?"(\d+)"\}')
FATAL = re.compile(rf"^F{STAMP}(?P<said>.*)", re.MULTILINE)
#: What a driver or launcher puts before the reason.
PREFIXES = re.compile(r"^(KFP driver: )?(driver\.\w+\([^\n]*?\) failed: )?(failed to execute component: )?")


def own_words(text: str) -> str:
    """What the step itself printed."""
    return AROUND.sub("", text)


def executor_output(text: str) -> dict[str, Any] | None:
    """The output parameters and artifacts' metadata that the launcher read when the step had ended; None before."""
    found = list(OUTPUT.finditer(text))
    if not found:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, found[-1].end())
    except ValueError:  # cut off
        return None
    return value if isinstance(value, dict) else None


def cached_execution(text: str) -> str:
    """The id of the execution whose outputs a driver reused; "" when it does not say."""
    found = CACHED.search(text)
    return found[1] if found else ""


def fatal_words(text: str) -> str:
    """Why a driver or launcher gave up; "" when it does not say."""
    found = list(FATAL.finditer(text))
    return PREFIXES.sub("", found[-1]["said"]).strip() if found else ""
