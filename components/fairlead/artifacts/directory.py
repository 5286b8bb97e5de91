"""A directory that is written whole or not at all, and that knows when it was touched.

Every directory artifact holds a ``manifest.json``: its kind, its fingerprint, and the SHA-256 and size of each
other file. Opening it checks all of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "manifest.json"
FORMAT = 1
REMAKE = "make it again with the step that wrote it, or fetch an undamaged copy"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Writes JSON that is the same bytes for equal values: sorted keys, UTF-8, a newline at the end."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_json(path: Path) -> Any:
    """Reads a JSON file of an artifact.

    Raises:
        ArtifactError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ArtifactError("a file of the artifact is missing", where=path, do=REMAKE) from None
    except (ValueError, OSError, RecursionError) as error:
        raise ArtifactError("a file of the artifact cannot be read", where=path, got=error, do=REMAKE) from None


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory beside `path` that takes its place when the block ends well.

    When the block raises, `path` is left as it was and nothing else remains.

    Raises:
        ArtifactError: the disk is full, the place cannot be written, or something lies there that is no artifact.
    """
    if not _may_replace(path):
        advice = "name a new directory, or move this away"
        raise ArtifactError("something that is no artifact is in the way", where=path, do=advice)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield draft
        draft.chmod(0o755)  # mkdtemp's 0700 would hide the artifact from the next step's user
        _replace(draft, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _may_replace(path: Path) -> bool:
    """True for nothing, an empty directory and an artifact: a wrong path must not cost anybody their files."""
    if not path.is_dir():
        return not path.exists()
    return (path / MANIFEST).is_file() or not any(path.iterdir())


def _replace(draft: Path, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
        path.rename(old / "was")
        draft.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
        draft.rename(path)


def _cannot_write(path: Path, error: OSError) -> ArtifactError:
    advice = "free space on this disk or write elsewhere" if error.errno == 28 else "check the path and its rights"  # noqa: PLR2004 - ENOSPC
    return ArtifactError("the artifact cannot be written", where=path, got=error.strerror or error, do=advice)


def seal(directory: Path, kind: str, fingerprint: str = "", **facts: Any) -> str:
    """Writes the manifest over the files that lie in `directory`; gives the fingerprint.

    Args:
        directory: the files, already in place.
        kind: "dataset" or "model".
        fingerprint: of the content; by default that of the files' names and digests.
        **facts: more JSON values to keep in the manifest.
    """
    names = sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())
    files = {
        name: {"sha256": sha256_of(directory / name), "bytes": (directory / name).stat().st_size} for name in names
    }
    fingerprint = fingerprint or digest_of({name: facts["sha256"] for name, facts in files.items()})
    manifest = {"kind": kind, "format": FORMAT, "fingerprint": fingerprint, "files": files, **facts}
    write_json(directory / MANIFEST, {**manifest, "seal": digest_of(manifest)})
    return fingerprint


def digest_of(value: Any) -> str:
    """The SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def open_sealed(directory: Path, kind: str) -> dict[str, Any]:
    """Checks every file against the manifest and gives the manifest.

    Raises:
        ArtifactError: missing, of another kind, truncated, tampered with, or with a file too many; it names the file.
    """
    if not directory.is_dir():
        raise ArtifactError(f"there is no {kind} here", where=directory, do="check the path")
    manifest: dict[str, Any] = read_json(directory / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("kind") != kind or not isinstance(manifest.get("files"), dict):
        found = manifest.get("kind") if isinstance(manifest, dict) else type(manifest).__name__
        raise ArtifactError(
            f"this is not a {kind}", where=directory / MANIFEST, got=f"kind {found!r}", do="check the path"
        )
    if manifest.get("format") != FORMAT:
        got = f"format {manifest.get('format')!r}"
        raise ArtifactError(
            f"this {kind} has another format", where=directory / MANIFEST, got=got, do="update fairlead"
        )
    if manifest.pop("seal", None) != digest_of(manifest):
        raise ArtifactError("the manifest was changed", where=directory / MANIFEST, do=REMAKE)
    _check_files(directory, manifest["files"])
    return manifest


def _check_files(directory: Path, files: dict[str, Any]) -> None:
    """Looks at what is in the directory, never at where the manifest's names might lead."""
    present = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()} - {MANIFEST}
    for name in sorted(present ^ files.keys()):
        what = "a file is not in the manifest" if name in present else "a file of the artifact is missing"
        raise ArtifactError(what, where=directory / name, do=REMAKE)
    for name in sorted(present):
        path, facts = directory / name, files[name] if isinstance(files[name], dict) else {}
        try:
            size, expected = path.stat().st_size, facts.get("bytes")
            intact = size == expected and sha256_of(path) == facts.get("sha256")
        except OSError as error:
            raise ArtifactError("a file of the artifact cannot be read", where=path, got=error, do=REMAKE) from None
        if not intact:
            got = f"{size} bytes, expected {expected}" if size != expected else "another SHA-256 than the manifest's"
            raise ArtifactError("a file of the artifact was changed or cut off", where=path, got=got, do=REMAKE)


def fingerprint_of(path: Path) -> str:
    """The fingerprint of any artifact: a sealed directory's own, else that of its bytes.

    It is "" where there are none: an object store cannot tell an empty directory from nothing.
    """
    if (path / MANIFEST).is_file():
        manifest = read_json(path / MANIFEST)
        if isinstance(manifest, dict) and "seal" in manifest:
            return str(manifest.get("fingerprint", ""))
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return digest_of({str(p.relative_to(path)): sha256_of(p) for p in files}) if files else ""
    return sha256_of(path) if path.is_file() else ""


def rename_file(draft: Path, path: Path) -> None:
    """Puts a finished file in its place at once."""
    os.replace(draft, path)  # noqa: PTH105 - atomic, and replaces what is there
