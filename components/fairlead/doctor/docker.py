"""The Docker engine of this machine, and which of our images it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.doctor.finding import fix_of, ok, skip
from fairlead.errors import RunError
from fairlead.images import MLFLOW, PREDICTOR, SPARK, TABULAR, TORCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Site

ENGINE, IMAGES = "Docker engine", "images here"
OURS = (TABULAR, PREDICTOR, MLFLOW, SPARK, TORCH)


def check_docker(_: Site) -> Iterator[Finding]:
    """An engine matters for `--runner docker` and for building images; a cluster does not ask for it."""
    from fairlead.run.docker_engine import connect, engine_errors

    try:
        client = connect()
    except RunError as error:
        if "let this user in" in error.what:
            yield fix_of(ENGINE, error)
        else:
            yield skip(ENGINE, f"{error.what}; only --runner docker and make images ask for one")
        return
    try:
        yield ok(ENGINE, f"{client.version()['Version']} at {client.api.base_url}")
        tags = {tag for image in client.images.list() for tag in image.tags}
    except engine_errors() as error:
        yield skip(IMAGES, f"the engine does not tell: {error}")
        return
    finally:
        client.close()
    held = [image for image in OURS if image in tags]
    lacking = [_target(image) for image in OURS if image not in tags]
    if held:
        yield ok(IMAGES, ", ".join(held))
    if lacking:
        yield skip(IMAGES, f"without {', '.join(lacking)}; make images TARGETS='{' '.join(lacking)}' builds them")


def _target(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]
