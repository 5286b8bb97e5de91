"""Puts what served before in the place of what serves, from the cluster alone."""

from __future__ import annotations

import uuid

from fairlead.cluster.connect import Cluster
from fairlead.errors import ServeError
from fairlead.push.kserve.lease import Lease
from fairlead.push.kserve.preflight import standard_mode
from fairlead.push.kserve.prove import await_model
from fairlead.push.kserve.service import InferenceService, Services
from fairlead.push.kserve.switch import Switch


def roll_back(
    service: str, namespace: str = "", rollout_timeout: float = 300.0, timeout: float = 30.0
) -> InferenceService:
    """Serves again what an InferenceService served before; doing it twice goes back and forth.

    It goes the way of a push, by a candidate. A predictor answers its golden rows before it says that it is ready, so
    that no bundle is needed here.

    Args:
        service: the name.
        namespace: empty is the context's.
        rollout_timeout: seconds that pods are given to come up.
        timeout: seconds for an answer.

    Raises:
        ServeError: there is no such service, or nothing served before; or what did cannot come up any more.
        ClusterError: the cluster refuses.
    """
    cluster = Cluster.connect(namespace)
    found_service(cluster, service)
    push = uuid.uuid4().hex
    with Lease.hold(cluster, service, push, 2 * rollout_timeout) as lease:
        switch = Switch(cluster, service, push, lease, standard_mode(cluster), rollout_timeout, timeout)
        now = switch.settle()
        previous = now.revision.previous if now else None
        if previous is None:
            where = f"{service} in namespace {cluster.namespace}"
            raise ServeError("nothing served before", where=where, do="push the model that it shall serve")
        fingerprint = previous.fingerprint
        return switch.run(previous, now, lambda endpoint: await_model(endpoint, fingerprint) if fingerprint else None)


def found_service(cluster: Cluster, service: str) -> InferenceService:
    """The service.

    Raises:
        ServeError: there is none; it names those that are.
    """
    services = Services(cluster)
    found = services.read(service)
    if found is None:
        names = ", ".join(services.names()) or "none yet"
        where = f"{service} in namespace {cluster.namespace}"
        raise ServeError("there is no such service", where=where, got=f"services: {names}", do="name one of them")
    return found
