"""Files outside a run that a step read: what a cached result must be checked against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from fairlead.artifacts.directory import sha256_of
from fairlead.object_store import is_remote


@dataclass(frozen=True)
class Source:
    """A file as it was read.

    Attributes:
        uri: as the user wrote it.
        path: where it lay, absolute; for an object of a store its URI, which nobody can look at without fetching it.
        sha256: of its bytes.
        bytes: its size.
    """

    uri: str
    path: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, uri: str, path: Path) -> Source:
        """Looks at the file."""
        place = uri if is_remote(uri) else str(path.resolve())
        return cls(uri, place, sha256_of(path), path.stat().st_size)

    def unchanged(self) -> bool:
        """True when the file still holds the same bytes."""
        path = Path(self.path)
        return path.is_file() and path.stat().st_size == self.bytes and sha256_of(path) == self.sha256

    def as_dict(self) -> dict[str, str | int]:
        """For a manifest."""
        return asdict(self)


def name_of(uri: str, sha256: str) -> str:
    """What a source is called wherever it lay: of a path, or of a URI that is made of its content, the last part.

    The same bytes then leave the same lineage on every machine, and on a cluster that they were uploaded to.
    """
    same_everywhere = uri.startswith("package:") or (is_remote(uri) and sha256 not in uri)
    return uri if same_everywhere else uri.rpartition("/")[2]
