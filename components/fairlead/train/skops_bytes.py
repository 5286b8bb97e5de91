"""A scikit-learn model as skops bytes, no pickle inside, the same for equal models.

skops names objects by their address in memory and stamps the files with the time; both are replaced.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

SCHEMA = "schema.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def skops_bytes(model: Any) -> bytes:
    """The content of a `.skops` file; `skops.io.loads` reads it with `trusted` naming scikit-learn's own tree type."""
    from skops import io as skops_io

    with zipfile.ZipFile(io.BytesIO(skops_io.dumps(model))) as packed:
        schema = json.loads(packed.read(SCHEMA))
        files = {name: packed.read(name) for name in packed.namelist() if name != SCHEMA}
    numbers: dict[int, int] = {}
    renamed: dict[str, str] = {}
    _renumber(schema, numbers, renamed)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as repacked:
        repacked.writestr(zipfile.ZipInfo(SCHEMA, EPOCH), json.dumps(schema, indent=1))
        for old, new in sorted(renamed.items(), key=lambda pair: pair[1]):
            repacked.writestr(zipfile.ZipInfo(new, EPOCH), files[old])
    return content.getvalue()


def _renumber(value: Any, numbers: dict[int, int], renamed: dict[str, str]) -> None:
    """Gives objects and files numbers in the order in which the schema first names them."""
    if isinstance(value, dict):
        if "__id__" in value:
            value["__id__"] = numbers.setdefault(value["__id__"], len(numbers) + 1)
        if "file" in value and isinstance(value["file"], str):
            suffix = value["file"].rpartition(".")[2]
            value["file"] = renamed.setdefault(value["file"], f"{len(renamed) + 1:06}.{suffix}")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _renumber(child, numbers, renamed)
