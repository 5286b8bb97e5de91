"""The folder of a run: who writes it, where steps draft their outputs, and how finished ones take their place."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fairlead.errors import RunError

if TYPE_CHECKING:
    from types import TracebackType

DRAFTS = ".draft."


class RunFolder:
    """A folder that one run writes at a time; drafts lie inside it and never survive a run.

    Args:
        out: made when it is not there.

    Raises:
        RunError: another run writes there, or it cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.absolute()
        self.logs = self.out / "logs"

    def __enter__(self) -> Self:
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.out / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(
                "another run writes to this folder", where=self.out, do="wait for it, or give another --out"
            ) from None
        except OSError as error:
            raise RunError(
                "the folder of the run cannot be written", where=self.out, got=error.strerror, do="give another --out"
            ) from None
        self._sweep()  # what a killed run left
        self._drafts = Path(tempfile.mkdtemp(prefix=DRAFTS, dir=self.out))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweep()
        os.close(self._lock)

    def _sweep(self) -> None:
        for old in self.out.glob(f"{DRAFTS}*"):
            shutil.rmtree(old, ignore_errors=True)

    def draft(self, label: str) -> Path:
        """An empty folder for a step's outputs."""
        return Path(tempfile.mkdtemp(prefix=f"{label}.", dir=self._drafts))

    def log(self, label: str) -> Path:
        """An empty log."""
        path = self.logs / f"{label}.log"
        path.write_bytes(b"")
        return path

    def place(self, draft: Path, label: str, name: str) -> Path:
        """Moves a finished artifact to `<out>/<task>/<name>`, in place of an earlier run's; gives its path."""
        place = self.out / label / name
        place.parent.mkdir(exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            place.rename(Path(tempfile.mkdtemp(dir=self._drafts)) / "was")
        else:
            place.unlink(missing_ok=True)
        if draft.exists():
            draft.rename(place)
        return place
