"""Pipelines compiled once per test process, and a way to run one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.run.result import RunResult


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("ir")
    compiler = load_compiler()

    def compile_sample(name: str) -> Path:
        import run_samples

        path = folder / f"{name}.yaml"
        if not path.exists():
            compiler().compile(getattr(run_samples, name), str(path))
        return path

    return compile_sample


@pytest.fixture
def run(compiled: Callable[[str], Path], tmp_path: Path) -> Callable[..., RunResult]:
    """Runs a sample with the parameters given by name; `runner`, `out`, `cache` and `listener` are the run's own."""

    def run_sample(
        name: str,
        *,
        runner: str = "in-process",
        out: str = "out",
        cache: str = "",
        listener: Any = None,
        **parameters: Any,
    ) -> RunResult:
        more = {"listener": listener} if listener else {}
        kept = tmp_path / cache if cache else None
        return run_pipeline(
            compiled(name), runner=runner, parameters=parameters, out=tmp_path / out, cache=kept, **more
        )

    return run_sample
