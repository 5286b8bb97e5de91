"""What a Kubeflow Pipelines has of a file that is applied, and the few things that are done there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError, ConfigError
from fairlead.run.apply_plan import Found, marked, unmarked
from fairlead.run.kfp_api import NOT_FOUND, V2
from fairlead.run.kfp_submit import experiment_of, uploaded_version

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from fairlead.run.apply_plan import Facts, Wanted
    from fairlead.run.kfp_api import KfpApi

    Json = dict[str, Any]

RUNS = f"{V2}/recurringruns"
PARAMETER = "parameters."
UNFINISHED = ["RUNTIME_STATE_UNSPECIFIED", "PENDING", "RUNNING", "PAUSED", "CANCELING"]


class Site:
    """A Kubeflow Pipelines while a file is applied to it.

    Args:
        api: where it is.
        owner: the file's name, the mark of the recurring runs that it makes.
        account: that their runs run as; empty leaves it to the server, and is no difference.
    """

    def __init__(self, api: KfpApi, owner: str, account: str = "") -> None:
        self._api, self._owner, self._account = api, owner, account
        self._versions: dict[tuple[str, str], Json] = {}
        self._experiments = {item["experiment_id"]: item["display_name"] for item in self._list("experiments")}

    def _list(self, kind: str, path: str = "", **query: str) -> Iterable[Json]:
        spot = self._api.spot if not path else {}
        return self._api.items(path or f"{V2}/{kind.lower()}", kind, sort_by="created_at desc", **spot, **query)

    def versions(self, name: str) -> list[str] | None:
        """The versions of a pipeline, the newest first; None when there is no such pipeline."""
        pipeline = self._api.find(f"{V2}/pipelines/names/{name}", **self._api.spot)
        if pipeline is None:
            return None
        found = list(self._list("pipeline_versions", f"{V2}/pipelines/{pipeline['pipeline_id']}/versions"))
        self._versions |= {(name, item["display_name"]): item for item in found}
        return [item["display_name"] for item in found]

    def experiment(self, name: str) -> str:
        """An experiment as it is spelt there; the database does not tell Flights from flights."""
        return next((there for there in self._experiments.values() if there.lower() == name.lower()), name)

    def recurring_runs(self, names: Container[str]) -> list[Found]:
        """The file's own, the newest first; the versions of its pipelines are known already.

        Args:
            names: that the file has for them.

        Raises:
            ConfigError: a name is another's.
        """
        found = []
        for item in self._list("recurringRuns"):
            description, owner = unmarked(item.get("description", ""))
            if owner == self._owner:
                found.append(self._found(item, description))
            elif item["display_name"] in names:
                where = f"{item['display_name']}, {item['recurring_run_id']}"
                got = f"made by the file named {owner!r}" if owner else "made by hand"
                advice = "give it another name in the file, or delete that one"
                raise ConfigError("a recurring run of this name is another's", where=where, got=got, do=advice)
        return found

    def _found(self, item: Json, description: str) -> Found:
        facts: Facts = {
            "cron": item.get("trigger", {}).get("cron_schedule", {}).get("cron"),
            "experiment": self._experiments.get(item["experiment_id"], item["experiment_id"]),
            "max_concurrency": int(item.get("max_concurrency", 0)),
            "catchup": not item.get("no_catchup"),
            "service_account": item.get("service_account") if self._account else "",
            "description": description,
        }
        at = item.get("pipeline_version_reference", {}).get("pipeline_version_id")
        known = (key for key, version in self._versions.items() if version["pipeline_version_id"] == at)
        facts["pipeline"], facts["version"] = next(known, (None, at))
        parameters = item.get("runtime_config", {}).get("parameters", {})
        facts |= {f"{PARAMETER}{name}": value for name, value in parameters.items()}
        number = item["recurring_run_id"]
        return Found(number, item["display_name"], facts, item.get("mode") == "ENABLE", self._busy(number))

    def _busy(self, number: str) -> bool:
        """A run of a recurring run has not ended."""
        own = {"operation": "EQUALS", "key": "recurring_run_id", "string_value": number}
        state = {"operation": "IN", "key": "state", "string_values": {"values": UNFINISHED}}
        return any(self._list("runs", filter=json.dumps({"predicates": [own, state]})))

    def upload(self, name: str, text: str, description: str) -> None:
        """Makes a version of a pipeline, and the pipeline."""
        version = uploaded_version(self._api, name, text, description)
        self._versions[name, version["display_name"]] = version

    def create(self, name: str, want: Wanted, parameters: Json) -> None:
        """Makes a recurring run."""
        facts = want.facts
        version = self._versions[facts["pipeline"], facts["version"]]
        body = {
            "display_name": name,
            "description": marked(facts["description"], self._owner),
            "experiment_id": experiment_of(self._api, facts["experiment"])["experiment_id"],
            "pipeline_version_reference": {key: version[key] for key in ("pipeline_id", "pipeline_version_id")},
            "runtime_config": {"parameters": parameters},
            "trigger": {"cron_schedule": {"cron": facts["cron"]}},
            "max_concurrency": str(facts["max_concurrency"]),
            "no_catchup": not facts["catchup"],
            "mode": "ENABLE" if want.enabled else "DISABLE",
            "service_account": self._account,
        }
        self._api.post(RUNS, body)

    def enable(self, number: str) -> None:
        """Lets a recurring run start runs."""
        self._api.post(f"{RUNS}/{number}:enable")

    def disable(self, number: str) -> None:
        """Keeps a recurring run from starting runs; those under way go on."""
        self._api.post(f"{RUNS}/{number}:disable")

    def retire(self, number: str) -> None:
        """Disables a recurring run, and deletes it unless a run began meanwhile; another apply may be quicker."""
        try:
            self.disable(number)
            if not self._busy(number):
                self._api.delete(f"{RUNS}/{number}")
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
