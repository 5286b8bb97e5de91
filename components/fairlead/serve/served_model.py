"""ServedModel: a bundle that is loaded and has a name clients call it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.scorer import Scorer
from fairlead.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import numpy as np

    from fairlead.artifacts.bundle import Signature


@dataclass(frozen=True)
class ServedModel:
    """What the routes answer from.

    Attributes:
        name: in the paths.
        bundle: that was loaded.
        scorer: safe to call from many threads.
    """

    name: str
    bundle: ModelBundle
    scorer: Scorer

    @classmethod
    def load(cls, path: Path, name: str, threads: int = 1) -> ServedModel:
        """Opens the bundle and its graph.

        Raises:
            ArtifactError: missing or damaged; it names the file.
        """
        bundle = ModelBundle.open(path)
        return cls(name, bundle, Scorer.of(bundle, threads))

    @property
    def fingerprint(self) -> str:
        """Of the bundle; also the model's only version."""
        return self.bundle.fingerprint

    @property
    def signature(self) -> Signature:
        """The columns it takes and the answers it gives."""
        return self.scorer.signature

    def predict(self, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> dict[str, np.ndarray]:
        """Answers for rows given by column, one at least.

        Raises:
            DataError: the rows break the signature.
        """
        if any(len(values) == 0 for values in columns.values()):
            raise DataError("there are no rows", do="send one row at least")
        return self.scorer.predict(columns)
