"""The check between two steps: an artifact is the one that the step before wrote."""

from __future__ import annotations

import re
from pathlib import Path

from fairlead.artifacts.directory import fingerprint_of
from fairlead.errors import ArtifactError

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def received(path: str, fingerprint: str) -> Path:
    """Where an input lies, once its content is known to be what the pipeline says.

    A directory is known by its manifest; the step opens it next, and that holds the files against the manifest.

    Args:
        path: as the step is given it.
        fingerprint: of the content, from the step that wrote it. An imported artifact has its URI instead, and one that
            nothing is known of has "": both are taken as they are.

    Raises:
        ArtifactError: something else lies there.
    """
    place = Path(path)
    if FINGERPRINT.fullmatch(fingerprint) and (found := fingerprint_of(place)) != fingerprint:
        raise ArtifactError(
            "an input is not what the step before wrote",
            where=place,
            got=f"fingerprint {found or '(nothing is there)'}, expected {fingerprint}",
            do="find out who changed it, then run the pipeline again without its cache (--no-cache)",
        )
    return place
