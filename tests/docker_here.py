"""What the tests that need a Docker engine need of it."""

from __future__ import annotations

import functools

from fairlead.errors import RunError
from fairlead.images import TABULAR
from fairlead.run.docker_engine import connect, image_ids


@functools.cache
def why_not() -> str:
    """Why containers cannot be run here; "" when they can."""
    try:
        client = connect()
    except RunError as error:
        return f"no Docker engine at {error.where}; shared/cluster/docker-up starts one"
    try:
        image_ids(client, [TABULAR])
    except RunError as error:
        return f"no image {error.got}: make images builds it"
    finally:
        client.close()
    return ""
