"""Examines a machine and its cluster, one check after the other; then both probes at once."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fairlead.cluster.server import in_a_pod
from fairlead.doctor.docker import check_docker
from fairlead.doctor.finding import fix_of, skip
from fairlead.doctor.kserve import check_kserve, check_the_runtime
from fairlead.doctor.kubernetes import check_api, check_images
from fairlead.doctor.mlflow import check_mlflow
from fairlead.doctor.pipelines import check_pipelines
from fairlead.doctor.probe import probe_object
from fairlead.doctor.rights import check_rights
from fairlead.doctor.site import Site
from fairlead.doctor.storage import check_predictor_account, check_store
from fairlead.errors import FairleadError
from fairlead.run.cluster_file import ClusterFile, read_cluster_file

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path
    from types import FrameType

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.probe import Probe

    Tell = Callable[[str], None]


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        what: it is called.
        needs: attributes of the site without which it cannot be looked at.
        find: looks.
    """

    what: str
    needs: tuple[str, ...]
    find: Callable[[Site], Iterable[Finding]]


CHECKS = (
    Check("Docker engine", (), check_docker),
    Check("Kubernetes API", (), check_api),
    Check("Kubeflow Pipelines API", ("file",), check_pipelines),
    Check("KServe", ("cluster",), check_kserve),
    Check("runtime", ("cluster", "kserve"), check_the_runtime),
    Check("images on nodes", ("cluster",), check_images),
    Check("rights of a run's steps", ("cluster",), check_rights),
    Check("account of predictors", ("cluster",), check_predictor_account),
    Check("MLflow", ("file",), check_mlflow),
    Check("object store from here", ("file",), check_store),
)
STEP = ("probe by a step", ("file", "pipelines", "store"))
KSERVE = ("probe by KServe", ("file", "cluster", "kserve", "store"))


def examine(file: Path | None, *, quick: bool, tell: Tell) -> bool:
    """Looks at everything, and tells each finding at once.

    Args:
        file: the cluster file; without one, outside a cluster, what needs it is left out.
        quick: leave out what starts pods.
        tell: is given every line.

    Returns:
        True when nothing has to be mended.

    Raises:
        ConfigError: the cluster file cannot be used.
    """
    inside = in_a_pod()
    settings = read_cluster_file(file) if file or inside else ClusterFile()
    site, sound = Site(settings, file=bool(file or inside)), True
    with _tidy_when_stopped(tell), closing(_findings(site, quick=quick)) as findings:
        for finding in findings:
            tell(finding.text(site.hide))
            sound = sound and finding.state != "FIX"
    return sound


def _findings(site: Site, *, quick: bool) -> Generator[Finding]:
    for check in CHECKS:
        why = site.lacks(check.needs)
        if why:
            yield skip(check.what, why)
        else:
            yield from _caught(check.what, partial(check.find, site))
    why = "left out by --quick" if quick else ""
    wanted = {what: why or site.lacks(needs) for what, needs in (STEP, KSERVE)}
    yield from (skip(what, why) for what, why in wanted.items() if why)
    probes = [what for what, why in wanted.items() if not why]
    if probes:
        yield from _caught("probe", partial(_probes, site, probes))


def _caught(what: str, find: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings, and an error as the last of them."""
    try:
        yield from find()
    except FairleadError as error:
        yield fix_of(what, error)


def _probes(site: Site, wanted: list[str]) -> Iterator[Finding]:
    """Both probes at the same time; whatever ends this, they tidy up first."""
    from fairlead.doctor.probe_predictor import read_by_kserve
    from fairlead.doctor.probe_step import read_by_a_step

    reads = {STEP[0]: read_by_a_step, KSERVE[0]: read_by_kserve}

    def read(what: str, probe: Probe) -> list[Finding]:
        return list(_caught(what, partial(reads[what], site, probe)))

    with probe_object(site) as probe, ThreadPoolExecutor(len(wanted)) as pool:
        try:
            for ended in as_completed([pool.submit(read, what, probe) for what in wanted]):
                yield from ended.result()
        finally:
            site.stop.set()  # the pool waits for them to tidy up


@contextmanager
def _tidy_when_stopped(tell: Tell) -> Iterator[None]:
    """What would end this process at once interrupts it instead, and nothing interrupts what it then tidies up."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_: int, __: FrameType | None) -> None:
        for kind in kinds:
            signal.signal(kind, signal.SIG_IGN)
        tell("interrupted; the probes are being removed")
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {kind: signal.signal(kind, interrupt) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
