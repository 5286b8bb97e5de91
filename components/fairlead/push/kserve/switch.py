"""Switch: one revision of a service in the place of another, by way of a candidate, or nothing at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fairlead.errors import ClusterError, FairleadError, ServeError
from fairlead.push.kserve.prove import await_model, endpoint_of
from fairlead.push.kserve.rollout import await_rollout
from fairlead.push.kserve.service import CANDIDATE_OF, InferenceService, Revision, Services, new_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cluster.connect import Cluster
    from fairlead.push.endpoint import Endpoint
    from fairlead.push.kserve.lease import Lease

    Prove = Callable[[Endpoint], None]

SHORT = 6  # letters of a push's id that make a candidate's name its own


@dataclass
class Switch:
    """Changes what one service serves; its user holds the service's lease.

    Attributes:
        cluster: where.
        service: the name.
        push: the id of this push; what it writes carries it.
        lease: of the service.
        mode: KServe's word for its Standard mode.
        rollout_timeout: seconds that pods are given to come up.
        timeout: seconds for an answer.
    """

    cluster: Cluster
    service: str
    push: str
    lease: Lease
    mode: str
    rollout_timeout: float
    timeout: float

    def __post_init__(self) -> None:
        self.services = Services(self.cluster)

    def settle(self) -> InferenceService | None:
        """Ends what a killed push began; gives the service as it stands then."""
        now = self.services.read(self.service)
        for candidate in self.services.candidates(self.service):
            if now and now.push == candidate.push:  # killed after the switch, to a model that had proven itself
                try:
                    self._await(now, partial(await_model, fingerprint=now.revision.fingerprint))
                except ServeError:
                    now = self._restore(now)
            self._remove(candidate)
        return now

    def run(self, revision: Revision, before: InferenceService | None, prove: Prove) -> InferenceService:
        """Serves a revision once it has proven itself.

        Args:
            revision: what shall be served.
            before: the service as `settle` gave it.
            prove: asks an endpoint for its proof.

        Raises:
            ServeError: it cannot come up, answers wrongly or too slowly; what served before serves.
            ClusterError: the cluster refuses; what served before serves.
        """
        revision = revision.by(self.push)
        try:
            candidate = self._try(revision, prove)
            after = self._promote(revision.after(before.revision if before else None), before, prove)
        except FairleadError as error:
            error.do = "; ".join(filter(None, [error.do, _what_serves(before)]))
            raise
        try:
            self._remove(candidate)
        except ClusterError as error:
            error.do = f"{error.do}; the new model serves, and the next push takes {candidate.name} away"
            raise
        return after

    def _try(self, revision: Revision, prove: Prove) -> InferenceService:
        """Serves the revision beside the service, to nobody but this push."""
        name = f"{self.service}-candidate-{self.push[:SHORT]}"
        blank = new_service(name, self.cluster.namespace, self.mode, {CANDIDATE_OF: self.service})
        alone = Revision({**revision.predictor, "minReplicas": 1, "maxReplicas": 1}, revision.notes)
        self.lease.check()
        candidate = self.services.write(blank.serving(alone), None)
        try:
            return self._await(candidate, prove)
        except BaseException:
            with suppress(FairleadError):  # the next push takes it away
                self._remove(candidate)
            raise

    def _promote(self, revision: Revision, before: InferenceService | None, prove: Prove) -> InferenceService:
        """The one write that changes what serves; undone when the proof fails."""
        blank = before or new_service(self.service, self.cluster.namespace, self.mode)
        self.lease.check()
        try:
            return self._await(self.services.write(blank.serving(revision), before), prove)
        except BaseException as error:
            self._undo(before, error)
            raise

    def _await(self, service: InferenceService, prove: Prove) -> InferenceService:
        ready = await_rollout(self.cluster, self.services, service.name, service.push, self.rollout_timeout)
        prove(endpoint_of(self.cluster, ready, self.timeout))
        return ready

    def _undo(self, before: InferenceService | None, error: BaseException) -> None:
        """Restores what served; if that fails the candidate stays, by which the next push sees what is left."""
        try:
            now = self.services.read(self.service)
            if now and now.push == self.push:
                self._restore(now, before)
            for candidate in self.services.candidates(self.service):
                self._remove(candidate)
        except FairleadError as worse:
            if isinstance(error, FairleadError):
                error.do = (
                    f"push again, which first puts back what served; that has failed now: {worse.what}, {worse.got}"
                )

    def _restore(self, failed: InferenceService, before: InferenceService | None = None) -> InferenceService | None:
        """Puts back what served before; a service that had none before goes.

        The write is the old one to the letter, so that Kubernetes finds the pods that still stand and starts no others.
        """
        self.lease.check()
        previous = before.revision if before else failed.revision.previous
        if previous is None:  # it never proved itself, and nothing served here before
            self.services.delete(failed)
            return None
        back = self.services.write(failed.serving(previous), failed)
        return await_rollout(self.cluster, self.services, back.name, back.push, self.rollout_timeout)

    def _remove(self, candidate: InferenceService) -> None:
        self.lease.check()
        self.services.delete(candidate)


def _what_serves(before: InferenceService | None) -> str:
    """A line that shows what clients get after a push that failed."""
    if before is None:
        return ""
    return f"{before.revision.fingerprint[:12] or 'what served before'} serves on at {before.url}"
