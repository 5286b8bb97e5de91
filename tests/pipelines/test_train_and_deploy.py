"""The main job on real flights, as a user runs it, by every runner."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest
import yaml

from fairlead.artifacts.bundle import ModelBundle
from fairlead.served import find_model
from pipeline_runs import fingerprints, tasks

if TYPE_CHECKING:
    from pipeline_runs import Project

RUNNERS = ["in-process", "fork", "subprocess"]


@pytest.mark.docker
@pytest.mark.timeout(280)
def test_containers_that_reach_nothing_write_the_same_fingerprints(project: Project) -> None:
    """Each step as Kubernetes' `restricted` has it: no root, a read-only file system, no capability, no network."""
    found = {}
    for runner in ("docker", "in-process"):
        ran = project.fairlead("--no-cache", runner=runner)
        assert ran.returncode == 0, ran.stderr
        found[runner] = fingerprints(project.folder / runner)
    first = ("load-champion", "evaluate-model")  # the first run met no champion
    assert {name: value for name, value in found["docker"].items() if not name.startswith(first)} == {
        name: value for name, value in found["in-process"].items() if not name.startswith(first)
    }


@pytest.mark.timeout(280)
def test_every_runner_writes_the_same_fingerprints_and_serves_the_model(project: Project) -> None:
    found = {}
    for runner in RUNNERS:
        ran = project.fairlead("--no-cache", runner=runner)
        assert ran.returncode == 0, ran.stderr
        out = project.folder / runner
        found[runner] = {name: value for name, value in fingerprints(out).items() if "champion" not in name}
        assert tasks(out)["push-model"]["parameters"]["action"] == (
            "created" if runner == "in-process" else "unchanged"
        )
        assert tasks(out)["register-model"]["parameters"]["version"] == "1"
    reports = {name for name in found["fork"] if name.startswith("evaluate-model")}  # the first had no champion yet
    for runner in RUNNERS[1:]:
        assert {k: v for k, v in found[runner].items() if k not in reports} == {
            k: v for k, v in found["in-process"].items() if k not in reports
        }
    assert found["fork"] == found["subprocess"]
    served, record = find_model("flights-delay")
    assert record is not None
    model = ModelBundle.open(project.folder / "fork" / "train-lightgbm" / "model")
    assert served.fingerprint == model.fingerprint
    names = [feature.name for feature in model.signature.features]
    row = {name: model.golden["inputs"][name][0] for name in names}
    body = json.dumps({"instances": [row]}).encode()
    request = urllib.request.Request(f"{record.url}/v1/models/flights-delay:predict", body)  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
        assert json.load(answer)["predictions"] == [model.golden["outputs"]["prediction"][0]]


def test_unchanged_stages_are_reused_and_one_byte_runs_them_again(project: Project) -> None:
    assert project.fairlead().returncode == 0
    first = fingerprints(project.folder / "in-process")
    again = project.fairlead()
    states = {name: task["state"] for name, task in tasks(project.folder / "in-process").items()}
    assert states["train-lightgbm"] == states["ingest-table"] == states["split-table"] == "cached"
    assert states["push-model"] == states["register-model"] == "succeeded", again.stderr
    assert fingerprints(project.folder / "in-process")["train-lightgbm.model"] == first["train-lightgbm.model"]
    data = project.folder / "flights.csv"
    text = data.read_text()
    place = text.index("UA,")
    data.write_text(text[:place] + "AA," + text[place + 3 :])
    project.fairlead()
    states = {name: task["state"] for name, task in tasks(project.folder / "in-process").items()}
    assert states["ingest-table"] == states["check-table"] == "succeeded"
    assert fingerprints(project.folder / "in-process")["ingest-table.data"] != first["ingest-table.data"]


def test_a_closed_gate_keeps_what_serves_and_says_so(project: Project) -> None:
    assert project.fairlead().returncode == 0
    before, _ = find_model("flights-delay")
    ran = project.fairlead("--set", "thresholds.rmse=0.001", "--set", "num_trees=5")
    assert ran.returncode == 7
    assert "evaluate-model said 'reject'" in ran.stdout
    assert tasks(project.folder / "in-process")["push-model"]["state"] == "skipped"
    schema = yaml.safe_load((project.folder / "schema.yaml").read_text())
    next(column for column in schema["columns"] if column["name"] == "origin")["values"] = ["JFK", "LGA"]
    (project.folder / "schema.yaml").write_text(yaml.safe_dump(schema))
    ran = project.fairlead()
    assert ran.returncode == 7
    assert "check-table said 'fail'" in ran.stdout
    assert tasks(project.folder / "in-process")["train-lightgbm"]["state"] == "skipped"
    assert find_model("flights-delay")[0].fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--set", "target=nothing"], 5, "a column is not in the data"),
        (["--set", "sources.flights=gone.csv"], 5, "a source is not a file"),
        (["--set", "num_tres=3"], 2, "did you mean 'num_trees'"),
        (["--set", "num_trees=many"], 2, "num_trees"),
        (["--set", "num_trees"], 2, "key=value"),
        (["--runner", "teleport"], 2, "no such runner"),
        (["--config", "nowhere.yaml"], 2, "no such config file"),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(project: Project, words: list[str], code: int, says: str) -> None:
    ran = project.fairlead(*words)
    assert ran.returncode == code, ran.stderr
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout


def test_trace_and_predict_answer_from_the_service(project: Project) -> None:
    assert project.fairlead().returncode == 0
    traced = project.cli("trace", "flights-delay")
    assert "lineage:" in traced.stdout
    assert "uri: flights.csv" in traced.stdout
    golden = find_model("flights-delay")[0].golden
    rows = [dict(zip(golden["inputs"], values, strict=True)) for values in zip(*golden["inputs"].values(), strict=True)]
    (project.folder / "rows.json").write_text("\n".join(map(json.dumps, rows)))
    answered = project.cli("predict", "flights-delay", "rows.json")
    assert [json.loads(line)["prediction"] for line in answered.stdout.splitlines()] == golden["outputs"]["prediction"]
    refused = project.cli("predict", "nobody", "rows.json")
    assert refused.returncode == 6
    assert "no service and no folder" in refused.stderr
