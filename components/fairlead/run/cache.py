"""Results of finished steps, kept under the digest of everything that made them.

    <cache>/steps/<key>/entry.json     parameters, and each artifact's type, metadata and digest
    <cache>/steps/<key>/artifacts/     the artifacts, hard links where the disk allows it

An entry appears whole or not at all. A hit is believed only after its files and the outside files that its artifacts
name as sources were read again and are what they were.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import digest_of, sha256_of
from fairlead.artifacts.source import Source
from fairlead.home import home
from fairlead.run.preload import imported
from fairlead.run.result import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.run.pipeline_ir import PythonStep

ENTRY = "entry.json"


def default_cache() -> Path:
    """Where results are kept unless a user says otherwise."""
    return home() / "cache"


class StepCache:
    """A folder of finished steps; any number of runs may use it at once.

    Args:
        root: made when it is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root / "steps"

    def key(self, step: PythonStep, code: str, parameters: Mapping[str, Any], artifacts: Mapping[str, Artifact]) -> str:
        """The digest of a step's source, image, environment, code, parameters and every byte of its inputs."""
        inputs = {name: [digest_of_path(item.path), item.type, item.metadata] for name, item in artifacts.items()}
        made_of = [step.source, step.function, step.image, step.env, code, dict(parameters), inputs]
        return digest_of(made_of)

    def restore(self, key: str, into: Path) -> tuple[dict[str, Any], dict[str, Artifact]] | None:
        """Puts a finished step's artifacts into an empty folder, or gives None.

        Returns:
            Its output parameters and artifacts.
        """
        entry = self._root / key
        try:
            kept = json.loads((entry / ENTRY).read_text("utf-8"))
            shutil.copytree(entry / "artifacts", into, copy_function=_link, dirs_exist_ok=True)
            artifacts = {
                name: Artifact(name, item["type"], into / name, item["metadata"], item["fingerprint"])
                for name, item in kept["artifacts"].items()
            }
            intact = all(digest_of_path(into / name) == item["digest"] for name, item in kept["artifacts"].items())
            if intact and all(map(_sources_unchanged, artifacts.values())):
                return kept["parameters"], artifacts
        except (OSError, shutil.Error, ValueError, KeyError, TypeError):
            pass  # no entry, or one that cannot be used: the step runs again
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        return None

    def keep(self, key: str, parameters: Mapping[str, Any], artifacts: Mapping[str, Artifact]) -> None:
        """Adds a finished step, in place of an older entry; a disk that is full keeps nothing."""
        draft = None
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".draft.", dir=self._root))
            (draft / "artifacts").mkdir()
            listed = {name: self._keep_artifact(item, draft / "artifacts" / name) for name, item in artifacts.items()}
            (draft / ENTRY).write_text(json.dumps({"parameters": dict(parameters), "artifacts": listed}), "utf-8")
            self._replace(draft, self._root / key)
        except (OSError, shutil.Error):
            pass  # the run is worth more than its cache
        finally:
            if draft:
                shutil.rmtree(draft, ignore_errors=True)

    @staticmethod
    def _keep_artifact(artifact: Artifact, place: Path) -> dict[str, Any]:
        if artifact.path.is_dir():
            shutil.copytree(artifact.path, place, copy_function=_link)
        elif artifact.path.exists():
            _link(artifact.path, place)
        facts = {"type": artifact.type, "metadata": artifact.metadata, "fingerprint": artifact.fingerprint}
        return {**facts, "digest": digest_of_path(place)}

    @staticmethod
    def _replace(draft: Path, entry: Path) -> None:
        """Renames a draft into its place; when another run is quicker, its entry is as good."""
        if entry.exists():
            old = Path(tempfile.mkdtemp(prefix=".old.", dir=entry.parent))
            with suppress(FileNotFoundError):
                entry.rename(old / "was")
            shutil.rmtree(old, ignore_errors=True)
        with suppress(OSError):
            draft.rename(entry)


def _link(source: str | Path, place: str | Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, place)


def _sources_unchanged(artifact: Artifact) -> bool:
    sources = [Source(**source) for source in artifact.metadata.get("sources", [])]
    return all(source.unchanged() or _in_image(source) for source in sources)


def _in_image(source: Source) -> bool:
    """A package's file that is not on this machine lay in the step's image, whose id is in the key."""
    return source.uri.startswith("package:") and not Path(source.path).exists()


def digest_of_path(path: Path) -> str:
    """The digest of every byte under a path; "" when nothing is there."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest_of({str(file.relative_to(path)): sha256_of(file) for file in files})
    return sha256_of(path) if path.is_file() else ""


def code_digest(source: str) -> str:
    """The digest of the code that a source calls: all of fairlead, packages worked on here, versions of the rest."""
    names = {name.split(".")[0] for name in imported(source)} | {"fairlead"}
    return digest_of([_installed(), *(_package_digest(name) for name in sorted(names))])


@functools.cache
def _installed() -> list[str]:
    return sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


@functools.cache
def _package_digest(name: str) -> str:
    """Of every module of a package that is worked on here; an installed one is known by its version."""
    spec = importlib.util.find_spec(name)
    origin = Path(spec.origin) if spec and spec.origin else None
    if origin is None or origin.is_relative_to(sysconfig.get_path("purelib")):
        return name
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return digest_of({str(file.relative_to(origin.parent)): sha256_of(file) for file in files})
