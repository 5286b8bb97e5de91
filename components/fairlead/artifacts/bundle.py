"""ModelBundle: everything an endpoint, a reviewer and a monitor need of a model, in one sealed directory.

model.onnx       the graph, from raw columns to answers, preprocessing inside
native/          the library's own text or zip form, never a pickle
signature.json   the columns it takes and the answers it gives
golden.json      rows with the answers that any server of this model must give
baseline.json    the distribution of the training data, for drift
metrics.json     numbers from training, with the parity of ONNX and native
lineage.json     data fingerprint, config, code and library versions
manifest.json    the SHA-256 of each of these
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fairlead.artifacts.directory import new_directory, open_sealed, read_json, seal, write_json
from fairlead.errors import ArtifactError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KIND = "model"
Task = Literal["regression", "classification"]
Kind = Literal["number", "category"]

#: What a column of a dataset is to a model.
KIND_OF_TYPE: dict[str, Kind] = {
    "bool": "number",
    "int64": "number",
    "float64": "number",
    "string": "category",
}


@dataclass(frozen=True)
class Feature:
    """A column that the model takes: float64 where NaN is missing, or text where "" is missing."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out.

    A regression answers `prediction` (float64, shape [rows]). A classification answers `prediction` (text, [rows]) and
    `probabilities` (float64, [rows, classes], in the order of `classes`).
    """

    task: Task
    target: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For signature.json."""
        features = [{"name": feature.name, "kind": feature.kind} for feature in self.features]
        return {"task": self.task, "target": self.target, "features": features, "classes": list(self.classes)}

    @classmethod
    def of_dict(cls, value: Mapping[str, Any]) -> Signature:
        """From signature.json."""
        features = tuple(Feature(item["name"], item["kind"]) for item in value["features"])
        return cls(value["task"], value["target"], features, tuple(value["classes"]))


def features_of(columns: Mapping[str, str], names: Iterable[str], where: object) -> tuple[Feature, ...]:
    """The features that dataset columns make.

    Raises:
        DataError: dates and timestamps, which mean nothing to a model as they are.
    """
    features = []
    for name in names:
        if columns[name] not in KIND_OF_TYPE:
            advice = "turn it into numbers in the ingest query (month, hour, days since), or drop it"
            raise DataError(
                "a feature is a point in time",
                where=f"{where}, column {name!r}",
                got=columns[name],
                do=advice,
            )
        features.append(Feature(name, KIND_OF_TYPE[columns[name]]))
    return tuple(features)


@dataclass(frozen=True)
class ModelBundle:
    """A model that was written by a step and is whole; make one with `open`."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> ModelBundle:
        """Opens and checks a bundle.

        Raises:
            ArtifactError: missing, damaged, truncated or tampered with; it names the file.
        """
        return cls(path, open_sealed(path, KIND))

    @property
    def fingerprint(self) -> str:
        """Of all its files."""
        return str(self.manifest["fingerprint"])

    @property
    def metadata(self) -> dict[str, Any]:
        """What a run records of it, shown in the Kubeflow UI."""
        return {"fingerprint": self.fingerprint, "task": self.signature.task, **self.metrics}

    @property
    def onnx(self) -> Path:
        """The graph."""
        return self.path / "model.onnx"

    @property
    def signature(self) -> Signature:
        """The columns and answers."""
        try:
            return Signature.of_dict(read_json(self.path / "signature.json"))
        except (KeyError, TypeError) as error:
            raise ArtifactError("the signature is incomplete", where=self.path / "signature.json", got=error) from None

    @property
    def golden(self) -> dict[str, Any]:
        """`inputs` {column: [values, None where missing]} and `outputs` {name: [values]}."""
        return dict(read_json(self.path / "golden.json"))

    @property
    def baseline(self) -> dict[str, Any]:
        """The training data's distribution, by column."""
        return dict(read_json(self.path / "baseline.json"))

    @property
    def metrics(self) -> dict[str, float]:
        """Numbers from training, by name."""
        return dict(read_json(self.path / "metrics.json"))

    @property
    def lineage(self) -> dict[str, Any]:
        """Where it came from: data fingerprint, config, versions."""
        return dict(read_json(self.path / "lineage.json"))


def write_bundle(
    path: Path,
    *,
    onnx: bytes,
    native: Mapping[str, bytes],
    signature: Signature,
    golden: Mapping[str, Any],
    baseline: Mapping[str, Any],
    metrics: Mapping[str, float],
    lineage: Mapping[str, Any],
) -> ModelBundle:
    """Writes a bundle whole or not at all, the same bytes for the same content.

    Args:
        path: the directory to make or replace.
        onnx: the serialised graph.
        native: file names and contents for `native/`.
        signature: columns and answers.
        golden: `inputs` and `outputs` by column, None where missing.
        baseline: JSON by column.
        metrics: finite numbers.
        lineage: JSON without times or paths of this machine, so that equal models have equal bytes.

    Raises:
        ArtifactError: the place cannot be written.
    """
    with new_directory(path) as directory:
        (directory / "model.onnx").write_bytes(onnx)
        (directory / "native").mkdir()
        for name, content in native.items():
            (directory / "native" / name).write_bytes(content)
        write_json(directory / "signature.json", signature.as_dict())
        for name, value in (
            ("golden", golden),
            ("baseline", baseline),
            ("metrics", metrics),
            ("lineage", lineage),
        ):
            write_json(directory / f"{name}.json", dict(value))
        seal(directory, KIND)
    return ModelBundle.open(path)
