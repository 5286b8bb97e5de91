"""`fairlead apply`: a cluster gets the pipelines, versions and recurring runs that a file says.

What is right already is left alone, so that a second apply changes nothing. Every step may be the last: an apply that
was killed is made good by the next. Pipelines and versions are never deleted, and what others made is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError
from fairlead.run.apply_file import read_apply_file
from fairlead.run.apply_plan import Wanted, plan_pipeline, plan_recurring_runs
from fairlead.run.apply_site import PARAMETER, Site
from fairlead.run.cluster_file import read_cluster_file
from fairlead.run.cluster_store import open_store
from fairlead.run.compile import compile_pipeline
from fairlead.run.kfp_api import KfpApi
from fairlead.run.kfp_inputs import file_parameters, store_files
from fairlead.run.kfp_settings import apply_settings, limit_caching
from fairlead.run.kfp_submit import ir_text, read_documents, version_of
from fairlead.run.parameters import check_parameters
from fairlead.run.read_ir import load_pipeline
from fairlead.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.object_store import Store
    from fairlead.run.apply_file import ApplyFile, RecurringRunEntry
    from fairlead.run.apply_plan import Change, Verb
    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.pipeline_ir import Pipeline


@dataclass(frozen=True)
class Prepared:
    """A pipeline of the file, compiled.

    Attributes:
        pipeline: its tasks.
        text: its IR with the cluster's settings; nothing is cached that depends on files which may be overwritten, as a
            version does not know the parameters that it will be run with.
    """

    pipeline: Pipeline
    text: str

    @property
    def version(self) -> str:
        """What its version is called."""
        return version_of(self.text)


class Apply:
    """A file, checked and compiled, that a cluster is to have.

    Args:
        path: the file.
        cluster: the cluster file; None takes the one that the file names.

    Raises:
        ConfigError: something in the file, the cluster file, a config or a pipeline is wrong, or a file that they name
            is not there.
    """

    def __init__(self, path: Path, cluster: Path | None = None) -> None:
        self._file: ApplyFile = read_apply_file(path)
        self._cluster: ClusterFile = read_cluster_file(cluster or self._file.cluster)
        self._pipelines = {name: self._compiled(entry.pipeline) for name, entry in self._file.pipelines.items()}
        self._values = {name: self._values_of(name, entry) for name, entry in self._file.recurring_runs.items()}
        self._given = {name: self._stored(name, None) for name in self._values}

    def _compiled(self, pipeline: str) -> Prepared:
        spec, platform = read_documents(compile_pipeline(pipeline))
        found = load_pipeline(spec)
        apply_settings(spec, platform, self._cluster)
        limit_caching(spec, frozenset(file_parameters(found.dag)))
        return Prepared(found, ir_text(spec, platform, self._cluster.registry))

    def _values_of(self, name: str, entry: RecurringRunEntry) -> dict[str, Any]:
        known = self._pipelines[entry.pipeline].pipeline.parameters
        ours = {key: value for key, value in self._cluster.parameters.items() if key in known}
        try:
            return check_parameters(known, {**ours, **read_settings(entry.config, []), **entry.parameters})
        except ConfigError as error:
            error.where = error.where or f"recurring run {name!r}"
            raise

    def _stored(self, name: str, store: Store | None) -> dict[str, Any]:
        """The parameters of a recurring run as the cluster gets them; its files are stored if there is a store."""
        dag = self._pipelines[self._file.recurring_runs[name].pipeline].pipeline.dag
        return store_files(dag, self._values[name], self._cluster.storage, store)

    def run(self, *, dry_run: bool, tell: Callable[[Change], None]) -> int:
        """Makes the cluster have what the file says.

        Args:
            dry_run: only tells what would be done.
            tell: hears of each change, when it has been made.

        Returns:
            How many changes there were.

        Raises:
            ConfigError: the name of a recurring run is another's; nothing was changed.
            ClusterError: Kubeflow Pipelines or the object store does not answer, or refuses.
        """
        site = Site(KfpApi.connect(self._cluster), self._file.name, self._cluster.service_account)
        pipelines = [plan_pipeline(name, item.version, site.versions(name)) for name, item in self._pipelines.items()]
        wanted = {name: self._wanted(name, entry, site) for name, entry in self._file.recurring_runs.items()}
        plan = [*pipelines, *plan_recurring_runs(wanted, site.recurring_runs(wanted))]
        for change in plan:
            for verb, target in () if dry_run else change.steps:
                self._do(site, verb, target, wanted)
            tell(change)
        return sum(change.mark != "=" for change in plan)

    def _wanted(self, name: str, entry: RecurringRunEntry, site: Site) -> Wanted:
        facts = {
            "pipeline": entry.pipeline,
            "version": self._pipelines[entry.pipeline].version,
            "cron": entry.cron,
            "experiment": site.experiment(entry.experiment or self._cluster.experiment),
            "max_concurrency": entry.max_concurrency,
            "catchup": entry.catchup,
            "description": entry.description,
            "service_account": self._cluster.service_account,
        }
        parameters = {f"{PARAMETER}{key}": value for key, value in self._given[name].items()}
        return Wanted({**facts, **parameters}, entry.enabled)

    def _do(self, site: Site, verb: Verb, target: str, wanted: dict[str, Wanted]) -> None:
        match verb:
            case "upload":
                site.upload(target, self._pipelines[target].text, self._file.pipelines[target].description)
            case "create":
                has_files = self._given[target] != self._values[target]
                store = open_store(self._cluster.storage) if has_files else None
                site.create(target, wanted[target], self._stored(target, store))
            case "enable":
                site.enable(target)
            case "disable":
                site.disable(target)
            case "retire":
                site.retire(target)
