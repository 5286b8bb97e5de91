"""The parent of forked steps imports ahead, and starts nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from fairlead.run.preload import imported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.result import RunResult


def test_imports_are_found_inside_functions_without_the_standard_library() -> None:
    source = (
        "import kfp\nimport os, numpy as np\ndef f():\n    from sklearn.linear_model import Ridge\n    import os.path"
    )
    assert imported(source) == ["numpy", "sklearn.linear_model"]


def test_a_source_that_does_not_parse_names_nothing() -> None:
    assert imported("def f(:") == []


def test_lightgbm_trains_in_children_of_a_parent_that_imported_it(run: Callable[..., RunResult]) -> None:
    forked = run("training", runner="fork", out="fork")
    here = run("training", runner="in-process", out="here")
    assert forked.outputs == here.outputs == {"Output": 5}
    files = [(result.out / task / "out").read_bytes() for result in (forked, here) for task in ("train", "train-2")]
    assert len(set(files)) == 1


def test_the_parent_has_the_libraries_of_steps_to_come_and_one_python_thread(compiled: Callable[[str], Path]) -> None:
    program = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from fairlead.run.preload import preload\n"
        "from fairlead.run.read_ir import load_pipeline\n"
        "names = list(preload(load_pipeline(Path(sys.argv[1])).steps))\n"
        "assert names == ['lightgbm', 'numpy'], names\n"
        "assert 'lightgbm' in sys.modules and threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", program, compiled("training")], check=True)
