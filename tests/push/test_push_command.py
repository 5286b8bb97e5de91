"""`fairlead push`, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from served_models import regression

FAIRLEAD = Path(sys.executable).parent / "fairlead"


def fairlead(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FAIRLEAD, *words], capture_output=True, text=True, check=False, timeout=120)


def test_a_model_is_served_here(tmp_path: Path) -> None:
    model = regression(tmp_path / "model")
    try:
        done = fairlead("push", str(model.path), "delays")
        assert done.returncode == 0, done.stderr
        action, shown, _, url = done.stdout.splitlines()[0].split()
        assert (action, shown) == ("created", model.fingerprint[:12])
        with urllib.request.urlopen(f"{url}/v2/models/delays") as answer:  # noqa: S310 - our own server
            assert json.load(answer)["versions"] == [model.fingerprint]
        assert fairlead("push", str(model.path), "delays").stdout.startswith("unchanged")
    finally:
        fairlead("stop", "delays")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--target", "moon"], 2, "'local' or 'kserve'"),
        (["--set", "moon=1"], 2, "moon"),
        (["--set", "min_replicas=-1"], 2, "min_replicas"),
        (["--target", "kserve"], 8, "set KUBECONFIG"),
    ],
)
def test_a_push_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, says: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    done = fairlead("push", str(regression(tmp_path / "model").path), "delays", *words)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_model_there(tmp_path: Path) -> None:
    done = fairlead("push", str(tmp_path / "absent"), "delays")
    assert done.returncode == 4
    assert "absent" in done.stderr


@pytest.mark.parametrize("words", [["rollback", "delays"], ["trace", "delays", "--namespace", "models"]])
def test_no_cluster_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    done = fairlead(*words)
    assert done.returncode == 8
    assert "set KUBECONFIG" in done.stderr
    assert "Traceback" not in done.stderr
