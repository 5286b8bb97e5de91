"""Server: where an API server is, and whom it takes us for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONNECT_S, ANSWER_S = 5.0, 30.0


def in_a_pod() -> bool:
    """This process has the account of a pod."""
    return (ACCOUNT / "token").exists()


@dataclass(frozen=True)
class Server:
    """An API server.

    Attributes:
        url: https://HOST:PORT
        pool: urllib3's, with the certificates of both ends.
        token: gives the bearer token of now, or "".
    """

    url: str
    pool: Any
    token: Callable[[], str]

    def ask(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, str]:
        """Status and body of one answer.

        Raises:
            urllib3.exceptions.HTTPError: there was none.
        """
        from urllib.parse import urlencode

        from urllib3 import Timeout

        token = self.token()
        reply = self.pool.request(
            method,
            f"{self.url}{path}{'?' if query else ''}{urlencode(query)}",
            body=body,
            headers={**headers, **({"Authorization": token} if token else {})},
            timeout=Timeout(connect=CONNECT_S, read=ANSWER_S),
            retries=False,
        )
        return reply.status, reply.data.decode(errors="replace")


def own_server() -> tuple[Server, str]:
    """The server of the cluster that this pod is in, as the pod's account, and the pod's namespace.

    A few lines instead of Kubernetes' client, whose 16 MB no step needs for more than this.
    """
    from urllib3 import PoolManager

    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    pool = PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(ACCOUNT / "ca.crt"))

    def token() -> str:  # it is renewed while a pod runs
        return f"Bearer {(ACCOUNT / 'token').read_text('utf-8').strip()}"

    namespace = (ACCOUNT / "namespace").read_text("utf-8").strip()
    return Server(f"https://{f'[{host}]' if ':' in host else host}:{port}", pool, token), namespace


def known_server() -> tuple[Server, str]:
    """The server of KUBECONFIG's current context, and the context's namespace.

    Raises:
        ClusterError: there is no such file, or it says nothing of use.
    """
    from kubernetes import client, config
    from kubernetes.client.rest import RESTClientObject
    from yaml import YAMLError

    settings = client.Configuration()
    files = os.environ.get("KUBECONFIG") or "~/.kube/config"  # kubernetes reads it once, when it is imported
    try:
        config.load_kube_config(files, client_configuration=settings)
        context = config.list_kube_config_contexts(files)[1]["context"]
    except (config.ConfigException, OSError, ValueError, TypeError, AttributeError, YAMLError) as error:
        advice = "set KUBECONFIG to the file that kubectl reads, or run this in a pod of the cluster"
        raise ClusterError("there is no way to a cluster", where="KUBECONFIG", got=error, do=advice) from None
    pool = RESTClientObject(settings).pool_manager

    def token() -> str:  # as a plug-in gives it, or renews it
        return settings.get_api_key_with_prefix("authorization") or ""

    return Server(settings.host, pool, token), context.get("namespace", "default")
