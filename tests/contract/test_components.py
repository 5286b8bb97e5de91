"""What every component keeps, whatever its stage."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
import yaml

from fairlead.catalogue import components, parameters, stages, summary
from fairlead.dsl import FINGERPRINT
from fairlead.run.compile import compile_component

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.artifacts.config import Config
    from fairlead.dsl import Component

COMPONENTS = components()
HEAVY = [
    "kfp",
    "kubernetes",
    "pandas",
    "pyarrow",
    "duckdb",
    "mlflow",
    "lightgbm",
    "sklearn",
    "onnxruntime",
    "matplotlib",
]


@pytest.fixture(params=COMPONENTS.values(), ids=COMPONENTS)
def component(request: pytest.FixtureRequest) -> Component:
    return request.param


def config_of(component: Component) -> type[Config]:
    """The Config that the shim's logic takes."""
    stage = component.__module__.split(".")[1]
    name = component.__name__
    module = __import__(f"fairlead.{stage}.{name}", fromlist=[name])
    return getattr(module, "".join(word.capitalize() for word in name.split("_")) + "Config")


def as_json(value: object) -> object:
    """A tuple is a list to KFP."""
    return json.loads(json.dumps(value))


def test_all_are_in_the_one_module_that_users_import_from() -> None:
    import fairlead.components

    assert {name: getattr(fairlead.components, name) for name in fairlead.components.__all__} == COMPONENTS


def test_the_name_leads_to_the_logic(component: Component) -> None:
    stage, name = component.__module__.split(".")[1], component.__name__
    module = __import__(f"fairlead.{stage}.{name}", fromlist=[name])
    assert inspect.isfunction(getattr(module, name))


def test_the_parameters_are_the_configs_with_the_same_defaults(component: Component) -> None:
    fields = config_of(component).model_fields
    shown = inspect.signature(component.__wrapped__).parameters
    artifacts = {name for name, item in shown.items() if str(item.annotation).startswith(("Input[", "Output["))}
    beside = {f"{name}{FINGERPRINT}" for name in artifacts}
    shim = {name: item.default for name, item in shown.items() if name not in artifacts | beside}
    required = {name for name, default in shim.items() if default is inspect.Parameter.empty}
    assert required == {name for name, field in fields.items() if field.is_required()}
    for name, default in shim.items():
        if name not in required:
            assert as_json(default) == as_json(fields[name].get_default(call_default_factory=True)), name
    assert set(shim) <= set(fields)


def test_the_docstring_describes_every_input_and_output(component: Component) -> None:
    assert summary(component).endswith(".")
    assert [item.name for item in parameters(component) if not item.description] == []


def test_the_shim_holds_imports_and_one_call_and_nothing_else(component: Component) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(component.__wrapped__)))
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    forbidden = (ast.For, ast.While, ast.If, ast.Try, ast.With, ast.Lambda, ast.ListComp)
    assert not [node for node in ast.walk(function) if isinstance(node, forbidden)]


def test_it_compiles_to_a_component_that_kfp_loads(component: Component, tmp_path: Path) -> None:
    from kfp.components import load_component_from_file

    path = compile_component(component, tmp_path / "component.yaml")
    loaded = load_component_from_file(str(path))
    described = {item.name for item in parameters(component)}
    spec = loaded.component_spec
    assert {*(spec.inputs or {}), *(spec.outputs or {})} == described
    container = next(iter(yaml.safe_load(path.read_text())["deploymentSpec"]["executors"].values()))["container"]
    assert container["image"] == component.image
    assert "pip" not in " ".join(container["command"][:-1])


@pytest.mark.parametrize("stage", stages())
def test_importing_a_component_imports_neither_kfp_nor_any_heavy_library(stage: str) -> None:
    heavy = [*HEAVY, "pydantic"]
    code = f"import sys, fairlead.{stage}.component; print(*[name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS)
def test_the_logic_imports_no_heavy_library_before_it_runs(component: Component) -> None:
    stage, name = component.__module__.split(".")[1], component.__name__
    code = f"import sys, fairlead.{stage}.{name}; print(*[name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
