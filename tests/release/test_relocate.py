from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.relocate import images_in, pinned, relocate, relocated
from fairlead.run.compile_files import compile_files

DIGEST = "sha256:" + "a1" * 32


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [path.read_text("utf-8") for path in compile_files("", tmp_path_factory.mktemp("ir"))]


def containers(ir: str) -> list[dict[str, object]]:
    documents = list(yaml.safe_load_all(ir))
    return [e["container"] for e in documents[0]["deploymentSpec"]["executors"].values() if "container" in e]


def test_the_lines_found_are_all_the_images_that_ir_has(compiled: list[str]) -> None:
    for ir in compiled:
        assert sorted(images_in(ir)) == sorted({str(container["image"]) for container in containers(ir)})


def test_no_other_host_is_named(compiled: list[str]) -> None:
    for ir in compiled:
        moved = relocate(ir, "registry.corp:5000/ml")
        assert all(str(c["image"]).startswith("registry.corp:5000/ml/fairlead/") for c in containers(moved))


def test_only_images_change(compiled: list[str]) -> None:
    for ir in compiled:
        before, after = yaml.safe_load(ir), yaml.safe_load(relocate(ir, "localhost:5000"))
        for spec in (before, after):
            for executor in spec["deploymentSpec"]["executors"].values():
                executor.get("container", {}).pop("image", None)
        assert before == after


def test_nothing_is_installed_at_start(compiled: list[str]) -> None:
    for ir in compiled:
        assert "pip install" not in ir
        assert "ensurepip" not in ir
        assert "apt-get" not in ir


def test_an_image_is_pinned_by_the_digest_of_its_new_place() -> None:
    ir = "      container:\n        image: fairlead/python-tabular:0.1.0\n"
    moved = relocate(ir, "host:5000", {"host:5000/fairlead/python-tabular:0.1.0": DIGEST})
    assert moved == f"      container:\n        image: host:5000/fairlead/python-tabular@{DIGEST}\n"
    assert relocate(moved, "other") == f"      container:\n        image: other/fairlead/python-tabular@{DIGEST}\n"


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("fairlead/predictor:1", "h:1/fairlead/predictor:1"),
        ("python:3.11-slim", "h:1/python:3.11-slim"),
        ("ghcr.io/a/b:2", "h:1/a/b:2"),
        ("localhost/a:2", "h:1/a:2"),
        ("localhost:5000/a:2", "h:1/a:2"),
        (f"ghcr.io/a@{DIGEST}", f"h:1/a@{DIGEST}"),
    ],
)
def test_an_images_own_host_gives_way(image: str, there: str) -> None:
    assert relocated(image, "h:1") == relocated(image, "h:1/") == there


@pytest.mark.parametrize("registry", ["https://host", "Host/Path", "host:port", "a b", "host//x", "host:1:2", "-\n"])
def test_a_wrong_registry_is_refused_by_name(registry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        relocate("image: a:1\n", registry)
    assert caught.value.where == "--registry"
    assert caught.value.got == registry


@pytest.mark.parametrize("image", ["a:1", "h:5000/a:1", "h:5000/a", "h/a/b:c"])
def test_a_digest_takes_the_tags_place(image: str) -> None:
    name, _, rest = pinned(image, DIGEST).partition("@")
    assert rest == DIGEST
    assert image in {name, f"{name}:1", f"{name}:c"}


@given(st.text())
def test_a_text_without_images_stays_as_it_is(text: str) -> None:
    if not images_in(text):
        assert relocate(text, "host") == text


def test_only_values_of_image_keys_are_read() -> None:
    source = 'command:\n- "x\\n      image: evil/x:1\\n"\ndefault: "image: a"\n'
    assert images_in(source) == []
