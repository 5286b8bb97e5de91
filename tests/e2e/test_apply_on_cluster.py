"""`fairlead apply` on the cluster: it converges, changes nothing twice, and costs nobody a schedule or a run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster_here import ClusterHere

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

FAIRLEAD = str(Path(sys.executable).parent / "fairlead")
LONGEST_S = 300
NEVER = "0 0 0 1 1 *"  # not while this runs
PIPELINE = """
from kfp import dsl

@dsl.component(base_image="fairlead/python-tabular:0.1.0", install_kfp_package=False)
def nap(seconds: int):
    import time
    time.sleep(seconds)

@dsl.component(base_image="fairlead/python-tabular:0.1.0", install_kfp_package=False)
def look(file: dsl.Input[dsl.Artifact]) -> str:
    return open(file.path).read()

@dsl.pipeline(name="{name}")
def naps(seconds: int = 0, file: str = "", note: str = "{note}"):
    nap(seconds=seconds).set_caching_options(False)
    look(file=dsl.importer(artifact_uri=file, artifact_class=dsl.Artifact).output)
"""


class Site:
    """A folder with a file to apply, and what the cluster has of it, by the public client."""

    def __init__(self, cluster: ClusterHere, folder: Path) -> None:
        self.cluster, self.folder, self.name = cluster, folder, cluster.name("naps")
        (folder / "read.txt").write_text("first")
        self.write(note="one", cron=NEVER)
        cluster.after.callback(self._remove)

    def write(self, note: str = "one", runs: dict[str, Any] | None = None, **run: Any) -> None:
        (self.folder / "naps.py").write_text(PIPELINE.format(name=self.name, note=note))
        entry = {"pipeline": self.name, "parameters": {"file": str(self.folder / "read.txt")}} | run
        said = {
            "name": self.name,
            "cluster": str(self.cluster.file),
            "pipelines": {self.name: {"pipeline": "naps.py", "description": "Naps."}},
            "recurring_runs": {self.name: entry} if runs is None else runs,
        }
        (self.folder / "it.yaml").write_text(yaml.safe_dump(said))

    def apply(self, *words: str, code: int = 0) -> list[str]:
        """What the command says, without ids."""
        command = [FAIRLEAD, "apply", str(self.folder / "it.yaml"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return (done.stdout + done.stderr).splitlines()

    @property
    def versions(self) -> list[str]:
        found = self.cluster.kfp.get_pipeline_id(self.name)
        return [item.display_name for item in self.cluster.kfp.list_pipeline_versions(found).pipeline_versions or []]

    @property
    def recurring(self) -> list[Any]:
        """The recurring runs of this name, whoever made them."""
        found = self.cluster.kfp.list_recurring_runs(page_size=100).recurring_runs or []
        return [item for item in found if item.display_name.startswith(self.name)]

    @property
    def enabled(self) -> list[str]:
        return [item.recurring_run_id for item in self.recurring if item.mode == "ENABLE"]

    def runs(self, recurring: str) -> list[Any]:
        own = {"predicates": [{"operation": "EQUALS", "key": "recurring_run_id", "string_value": recurring}]}
        return self.cluster.kfp.list_runs(filter=json.dumps(own)).runs or []

    def _remove(self) -> None:
        client = self.cluster.kfp
        for item in self.recurring:
            for run in self.runs(item.recurring_run_id):
                client.delete_run(run.run_id)
            client.delete_recurring_run(item.recurring_run_id)
        found = client.get_pipeline_id(self.name)
        for item in (client.list_pipeline_versions(found).pipeline_versions or []) if found else []:
            client.delete_pipeline_version(found, item.pipeline_version_id)
        if found:
            client.delete_pipeline(found)


@pytest.fixture
def site(cluster: ClusterHere, tmp_path: Path) -> Site:
    return Site(cluster, tmp_path)


def until(found: Callable[[], Any]) -> Any:
    """What is found once it is there."""
    deadline = time.monotonic() + LONGEST_S
    while not (value := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.5)
    return value


def marks(lines: list[str]) -> str:
    return "".join(line[0] for line in lines if line[:2] in {"+ ", "~ ", "- ", "= "})


def test_a_file_is_made_true_and_a_second_apply_changes_nothing(site: Site) -> None:
    assert marks(site.apply("--dry-run")) == "++"
    assert site.cluster.kfp.get_pipeline_id(site.name) is None
    assert marks(site.apply()) == "++"
    (made,) = site.recurring
    assert (made.mode, made.trigger.cron_schedule.cron, made.no_catchup) == ("ENABLE", NEVER, True)
    assert made.runtime_config.parameters["file"].startswith("minio://")
    assert (made.service_account, made.max_concurrency) == (site.cluster.settings["service_account"], "1")
    assert site.apply()[-1] == "nothing to change"
    assert [item.recurring_run_id for item in site.recurring] == [made.recurring_run_id]
    assert len(site.versions) == 1


def test_each_change_is_made_once_and_its_line_says_what(site: Site) -> None:
    site.apply()
    (first,) = site.recurring
    site.write(cron="0 0 1 1 1 *")
    assert f'~ recurring run {site.name}: cron "{NEVER}" -> "0 0 1 1 1 *"' in site.apply("--dry-run")
    assert [item.recurring_run_id for item in site.recurring] == [first.recurring_run_id]
    for change, said in (
        ({"cron": "0 0 1 1 1 *"}, 'cron "0 0 0 1 1 *" -> "0 0 1 1 1 *"'),
        ({"cron": NEVER, "enabled": False}, 'cron "0 0 1 1 1 *" -> "0 0 0 1 1 *", enabled true -> false'),
        ({"cron": NEVER}, "enabled false -> true"),
        ({"cron": NEVER, "catchup": True, "max_concurrency": 2}, "catchup false -> true, max_concurrency 1 -> 2"),
        ({"cron": NEVER, "note": "two"}, "version"),
    ):
        site.write(**change)
        lines = site.apply()
        assert any(line.startswith(f"~ recurring run {site.name}: ") and said in line for line in lines), lines
        assert site.apply()[-1] == "nothing to change"
        assert len(site.recurring) == 1
        assert len(site.enabled) == change.get("enabled", True)
    (site.folder / "read.txt").write_text("second")
    assert any("parameters.file " in line for line in site.apply())
    assert len(site.versions) == 2


def test_what_the_file_says_no_longer_goes_and_what_others_made_stays(site: Site) -> None:
    site.apply()
    (ours,) = site.recurring
    version, account = ours.pipeline_version_reference, site.cluster.settings["service_account"]
    theirs = site.cluster.kfp.create_recurring_run(
        ours.experiment_id,
        f"{site.name}-by-hand",
        cron_expression=NEVER,
        pipeline_id=version.pipeline_id,
        version_id=version.pipeline_version_id,
        service_account=account,
    ).recurring_run_id
    site.write(runs={f"{site.name}-by-hand": {"pipeline": site.name, "cron": NEVER}})
    said = "\n".join(site.apply(code=2))
    assert "is another's" in said
    assert "made by hand" in said
    assert {item.recurring_run_id for item in site.recurring} == {ours.recurring_run_id, theirs}
    site.write(runs={})
    assert marks(site.apply()) == "=-"
    assert [item.recurring_run_id for item in site.recurring] == [theirs]
    assert len(site.versions) == 1


def test_killed_halfway_and_run_again_it_converges(site: Site) -> None:
    site.apply()
    site.write(note="two", cron="0 0 1 1 1 *")
    command = [FAIRLEAD, "apply", str(site.folder / "it.yaml")]
    for line in range(3):
        process = subprocess.Popen([sys.executable, "-u", *command], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        for _ in range(line):
            process.stdout.readline()
        if not line:  # before its first word: wherever it is after a second
            time.sleep(1)
        process.kill()
        process.communicate()
        assert site.enabled
    site.apply()
    assert site.apply()[-1] == "nothing to change"
    (left,) = site.recurring
    assert left.trigger.cron_schedule.cron == "0 0 1 1 1 *"
    assert len(site.versions) == 2


def test_a_run_that_is_under_way_lives_on_when_its_schedule_changes(site: Site) -> None:
    site.write(cron="* * * * * *", parameters={"file": str(site.folder / "read.txt"), "seconds": 20})
    site.apply()
    (before,) = site.enabled
    run = until(lambda: site.runs(before))[0].run_id
    site.write(cron=NEVER)
    lines = site.apply()
    assert marks(lines) == "=~-"
    assert "kept until its run has ended" in lines[2]
    assert len(site.recurring) == 2
    assert before not in site.enabled
    assert site.apply()[-1] == "nothing to change"
    ended = site.cluster.kfp.wait_for_run_completion(run, timeout=LONGEST_S, sleep_duration=1)
    assert ended.state == "SUCCEEDED"
    until(lambda: site.apply()[-1] == "1 change made")
    assert before not in [item.recurring_run_id for item in site.recurring]
    assert site.apply()[-1] == "nothing to change"


def test_a_store_that_does_not_answer_makes_no_schedule_without_its_files(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "error: the object store does not answer" in site.apply(code=8)
    assert site.recurring == []
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert marks(site.apply()) == "=+"
