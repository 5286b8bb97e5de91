"""How a step's container is shut in, and what of this machine it sees.

    the step's draft folder            read and write, at the same path
    its input artifacts                read only, at the same path
    files that its parameters name     read only, at the same path; `~/` is below /tmp, the container's home
    $FAIRLEAD_HOME                     read and write, for a step that needs the network (the registry's database)

No root, no capability, no new privilege, a read-only root file system, /tmp in memory, and no network unless the step's
component says `needs="network"`, or its parameters name an object (s3://): then it has the network of this machine, so
that an address means the same in every runner, and the variables that MLflow and its stores read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.dsl import NEEDS
from fairlead.home import home
from fairlead.object_store import is_remote
from fairlead.run.docker_engine import LABEL, owner
from fairlead.run.kfp_local import command_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.run.step import Step

#: The user of our images, for a caller who is root.
IMAGE_USER = 1000
MOST_PROCESSES = 4096
PASSED_ON = ("MLFLOW_", "AWS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
TMP = "/tmp"  # noqa: S108 - the container's own, in memory


def container_options(step: Step, image: str, memory: int) -> dict[str, Any]:
    """What the engine is asked for; `memory` is in bytes, 0 for no limit."""
    from docker.types import LogConfig

    uid, gid = container_user()
    return {
        "image": image,
        "entrypoint": command_of(step),  # as Kubernetes does: the image's own is not used
        "working_dir": str(Path.cwd()),
        "environment": _environment(step),
        "mounts": _mounts(step),
        "user": f"{uid}:{gid}",
        "read_only": True,
        "tmpfs": {TMP: "mode=1777"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": "host" if is_networked(step) or _reads_objects(step) else "none",
        "pids_limit": MOST_PROCESSES,
        "init": True,  # signals and orphans are handled as on any machine
        "log_config": LogConfig(type="local"),  # read once more at the end, and gone with the container
        "labels": {LABEL: owner()},
        **({"mem_limit": memory, "memswap_limit": memory} if memory else {}),
    }


def draft_of(step: Step) -> Path:
    """The folder of a step's outputs."""
    return Path(step.executor_input["outputs"]["outputFile"]).parent


def written_by(step: Step) -> list[Path]:
    """Every folder that a step writes."""
    return [draft_of(step), *([home().absolute()] if is_networked(step) else [])]


def is_networked(step: Step) -> bool:
    """The step's job is the network."""
    return step.python.env.get(NEEDS) == "network"


def _reads_objects(step: Step) -> bool:
    """Its parameters name an object of a store."""
    return any(map(is_remote, _texts(step.executor_input["inputs"]["parameterValues"])))


def container_user() -> tuple[int, int]:
    """The caller's user and group, so that outputs are the caller's; for root those of our images."""
    return (os.getuid(), os.getgid()) if os.getuid() else (IMAGE_USER, IMAGE_USER)


def hand_over(folder: Path, user: tuple[int, int]) -> None:
    """Gives all of a folder to a user, where the caller is root; anybody else's step runs as the caller."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        os.chown(folder, *user)
        for place, folders, files in os.walk(folder):
            for name in (*folders, *files):
                with suppress(FileNotFoundError):  # a database's journal, another run's draft
                    os.chown(Path(place, name), *user, follow_symlinks=False)


def _environment(step: Step) -> dict[str, str]:
    known = os.environ if is_networked(step) or _reads_objects(step) else {}
    passed = {name: value for name, value in known.items() if name.startswith(PASSED_ON)}
    ours = {"HOME": TMP, "USER": "fairlead", "PYTHONUNBUFFERED": "1", "FAIRLEAD_HOME": str(home().absolute())}
    return {**passed, **ours, **step.python.env}


def _mounts(step: Step) -> list[Any]:
    from docker.types import Mount

    written = written_by(step)
    places = {str(path): Mount(str(path), str(path), type="bind") for path in written}
    for path, inside in _read(step):
        if not any(inside.is_relative_to(folder) for folder in written):
            places[str(inside)] = Mount(str(inside), str(path), type="bind", read_only=True)
    return list(places.values())


def _read(step: Step) -> Iterator[tuple[Path, Path]]:
    """What a step reads: where it lies here, and in the container."""
    given = step.executor_input["inputs"]
    for item in given["artifacts"].values():
        for artifact in item["artifacts"]:
            path = Path(artifact["uri"])
            if path.exists():
                yield path, path
    for text in _texts(given["parameterValues"]):
        path = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 - a text with ~ that names nobody stays as it is
        if os.path.isfile(path):  # noqa: PTH113 - False for a text that no path can be, such as SQL
            yield path, Path(TMP, text.removeprefix("~/")) if text.startswith("~/") else path


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
