"""The Docker engine and a pipeline's images, looked at before any step runs; what is wrong is named."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError, RunError
from fairlead.images import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Whose container it is: the machine and process of the run.
LABEL = "fairlead.run"
LEAST_MEMORY = 6 << 20  # the engine's own rule
NO_RIGHTS = ("permission denied", "permissionerror")
NO_SPACE = "no space left on device"


def connect() -> Any:
    """A client of the engine that DOCKER_HOST names, or this machine's.

    Raises:
        RunError: the docker package is missing, no engine answers, or it does not let this user in.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError:
        raise RunError("the docker package is not installed", do="pip install 'fairlead[docker]'") from None
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    try:
        return docker.from_env()
    except DockerException as error:
        if any(words in str(error).lower() for words in NO_RIGHTS):
            advice = "join its group (sudo usermod -aG docker $USER, then log in again), or use a rootless engine"
            raise RunError("the Docker engine does not let this user in", where=address, do=advice) from None
        advice = "start it (systemctl start docker), set DOCKER_HOST, or use another --runner"
        raise RunError("no Docker engine answers", where=address, got=_line(error), do=advice) from None


def image_ids(client: Any, images: Iterable[str]) -> dict[str, str]:
    """The id of each image; one that is not here is pulled, ours are built and never pulled.

    Raises:
        RunError: it names the images that are not there.
    """
    from docker.errors import APIError, ImageNotFound

    found, missing = {}, []
    try:
        for image in sorted(set(images)):
            try:
                found[image] = client.images.get(image).id
            except ImageNotFound:
                if image.startswith(f"{REGISTRY}/"):
                    missing.append(image)
                else:
                    found[image] = _pull(client, image)
    except APIError as error:
        raise refusal(error) from None
    if missing:
        targets = " ".join(f"--target {image.split('/')[-1].split(':')[0]}" for image in missing)
        advice = f"build it: scripts/build_images {targets} (make images builds all), or compile with --registry"
        raise RunError("an image is not on this machine", where="image", got=", ".join(missing), do=advice)
    return found


def _pull(client: Any, image: str) -> str:
    from docker.errors import APIError

    try:
        client.api.pull(image)
        return str(client.images.get(image).id)
    except APIError as error:
        if NO_SPACE in str(error).lower():
            raise refusal(error) from None
        advice = "check the registry's name and the tag, sign in with docker login, or build the image"
        what = "an image is not on this machine, and its registry does not give it"
        raise RunError(what, where=f"image {image}", got=_line(error), do=advice) from None


def bytes_of(memory: str) -> int:
    """A limit as Docker writes it: 512m, 2g.

    Raises:
        ConfigError: it is none.
    """
    from docker.errors import DockerException
    from docker.utils import parse_bytes

    with suppress(DockerException, ValueError):
        if (number := int(parse_bytes(memory))) >= LEAST_MEMORY:
            return number
    what = "--memory takes a number and a unit, at least 6m"
    raise ConfigError(what, got=memory, do="write --memory 2g or --memory 512m")


def engine_errors() -> tuple[type[Exception], ...]:
    """What is raised when the engine refuses, or goes away; an OSError that is none of these is this machine's own."""
    from docker.errors import DockerException
    from requests import RequestException

    return DockerException, RequestException


def refusal(error: Exception) -> RunError:
    """Why the engine did not do what it was asked."""
    from docker.errors import DockerException

    said = _line(error)
    if not isinstance(error, DockerException):
        advice = "start it again (systemctl start docker), then run again; finished steps are kept"
        return RunError("the Docker engine went away", got=said, do=advice)
    if NO_SPACE in said.lower():
        advice = "free space: docker system prune, or move its data-root to a larger disk"
        return RunError("the Docker engine's disk is full", got=said, do=advice)
    if "bind source path does not exist" in said:
        advice = "use an engine on this machine: it must see the run's folder at the same path"
        return RunError("the Docker engine does not see this machine's files", got=said, do=advice)
    return RunError("the Docker engine refused to run it", got=said, do="see the engine's log (journalctl -u docker)")


def _line(error: Exception) -> str:
    """An error's own words, short."""
    said = getattr(error, "explanation", None) or error
    return str(said).strip().replace("\n", " ")[:400]


def owner() -> str:
    """The value of LABEL for this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def sweep(client: Any) -> None:
    """Removes the containers of runs on this machine that were killed, which could not do it themselves."""
    from docker.errors import APIError

    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        host, _, pid = container.labels[LABEL].rpartition(":")
        if host == socket.gethostname() and not os.path.exists(f"/proc/{pid}"):  # noqa: PTH110 - no Path to keep
            with suppress(APIError):  # another run was quicker
                container.remove(force=True, v=True)
