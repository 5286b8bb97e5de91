"""Kfp in both sizes within one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

BOTH = """
import os, sys
from fairlead.run.kfp_runtime import load_compiler, load_executor
{first}
from kfp.dsl.types.artifact_types import Dataset
executor = load_executor()
load_compiler()
from kfp import dsl
from kfp.client import Client
assert dsl.Dataset is Dataset and dsl.component and dsl.pipeline and Client
assert load_executor() is executor
import kfp
assert kfp.Client is Client
"""


@pytest.mark.parametrize(
    "first", ["load_executor(); assert 'kfp.client' not in sys.modules", "load_compiler()", "import kfp"]
)
@pytest.mark.parametrize("flag", [None, "true"])
def test_all_of_kfp_is_there_after_its_executor_alone(first: str, flag: str | None) -> None:
    import os

    environment = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
    environment |= {"_KFP_RUNTIME": flag} if flag else {}
    check = f"assert os.environ.get('_KFP_RUNTIME') == {flag!r}"
    subprocess.run([sys.executable, "-c", BOTH.format(first=first) + check], check=True, env=environment)


def test_a_runner_needs_no_compiler_and_no_kubernetes() -> None:
    program = (
        "import sys\n"
        "from fairlead.run.runner import run_pipeline\n"
        "from fairlead.run.kfp_runtime import load_executor\n"
        "load_executor()\n"
        "heavy = {'kubernetes', 'kfp.compiler', 'pydantic', 'pyarrow', 'duckdb', 'numpy', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
