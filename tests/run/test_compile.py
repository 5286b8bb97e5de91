"""From names and files to compiled pipelines."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import ConfigError
from fairlead.run.compile import compile_component, compile_pipeline
from fairlead.run.read_ir import load_pipeline

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
from kfp import dsl
from beside import COUNT

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def one() -> int:
    return 1

@dsl.pipeline
def {name}():
    for _ in range(COUNT):
        one()
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A package of pipelines as fairlead_pipelines is one."""
    package = tmp_path / "library" / "sample_pipelines"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "two_steps.py").write_text(
        SOURCE.format(name="two_steps").replace("from beside import COUNT", "COUNT = 2")
    )
    return package


def compile_in_new_process(library: Path, name: str, cache: Path) -> tuple[str, bool]:
    """The path of the compiled file, and whether kfp was imported for it."""
    program = (
        "import sys; from pathlib import Path; from fairlead.run import compile\n"
        "sys.path.insert(0, sys.argv[1]); compile.PIPELINES = 'sample_pipelines'\n"
        "print(compile.compile_pipeline(sys.argv[2], Path(sys.argv[3])), 'kfp' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(library.parent), name, str(cache)]
    path, imported = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return path, imported == "True"


def test_a_name_is_compiled_once_and_again_when_its_source_changes(library: Path, tmp_path: Path) -> None:
    cold, warm = (compile_in_new_process(library, name, tmp_path / "cache") for name in ("two_steps", "two-steps"))
    assert (cold[1], warm[1]) == (True, False)
    assert cold[0] == warm[0]
    source = library / "two_steps.py"
    source.write_text(source.read_text().replace("COUNT = 2", "COUNT = 3"))
    changed = compile_in_new_process(library, "two_steps", tmp_path / "cache")
    assert changed[0] != cold[0]
    assert changed[1]


def test_a_file_is_compiled_with_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("COUNT = 3")
    (tmp_path / "mine.py").write_text(SOURCE.format(name="anything"))
    compiled = compile_pipeline(tmp_path / "mine.py", tmp_path / "cache")
    assert len(load_pipeline(compiled).steps) == 3


def test_a_compiled_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("")
    assert compile_pipeline(tmp_path / "x.yaml") == tmp_path / "x.yaml"


def test_a_shim_becomes_a_component_file(tmp_path: Path) -> None:
    import run_shim

    pipeline = load_pipeline(compile_component(run_shim.shim, tmp_path / "component.yaml"))
    assert [task.label for task in pipeline.steps] == ["shim"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("no_such_pipeline", None, "there is no pipeline of this name"),
        ("missing.yaml", None, "there is no compiled pipeline here"),
        ("missing.py", None, "there is no pipeline file here"),
        ("broken.py", "def f(:", "cannot be loaded"),
        ("raising.py", "1 / 0", "cannot be loaded"),
        ("empty_file.py", "x = 1", "there is no pipeline 'empty_file'"),
    ],
)
def test_what_cannot_be_compiled_is_told(tmp_path: Path, name: str, content: str | None, what: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    target = tmp_path / name if "." in name else name
    with pytest.raises(ConfigError, match=what):
        compile_pipeline(target, tmp_path / "cache")
