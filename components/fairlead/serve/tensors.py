"""Tensors of the Open Inference protocol: JSON values or little-endian bytes to columns, and answers back."""

from __future__ import annotations

import struct
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = "BYTES"
#: The protocol's numeric datatypes as numpy writes them.
NUMBERS = {
    "BOOL": "?", "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "<u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
LENGTH = struct.Struct("<I")


def column_of_json(name: str, datatype: str, data: Sequence[Any]) -> list[Any] | np.ndarray:
    """A column from JSON values, flat or as [rows, 1]; null is missing.

    FP16 and FP32 are rounded to their precision, so that JSON and bytes give the same column.
    """
    values = list(chain.from_iterable(data)) if data and all(isinstance(item, list) for item in data) else list(data)
    if datatype not in ("FP16", "FP32"):
        return values
    try:
        with np.errstate(over="ignore"):
            rounded = np.asarray([np.nan if value is None else value for value in values], NUMBERS[datatype])
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"input {name!r} holds something that is no {datatype}", do="send numbers or null") from None
    return rounded.astype(np.float64)


def column_of_bytes(name: str, datatype: str, data: bytes) -> list[str] | np.ndarray:
    """A column from the binary extension's bytes.

    Raises:
        DataError: the bytes are cut off, or are not UTF-8.
    """
    if datatype == TEXT:
        return list(_texts(name, data))
    kind = np.dtype(NUMBERS[datatype])
    if len(data) % kind.itemsize:
        got = f"{len(data)} bytes for values of {kind.itemsize}"
        raise DataError(f"input {name!r} is cut off", got=got, do="check binary_data_size")
    return np.frombuffer(data, kind).astype(np.float64)


def _texts(name: str, data: bytes) -> list[str]:
    texts, start = [], 0
    while start < len(data):
        stop = start + LENGTH.size
        length = LENGTH.unpack_from(data, start)[0] if stop <= len(data) else len(data)
        if stop + length > len(data):
            raise DataError(f"input {name!r} is cut off", do="send each text after its length, 4 bytes little-endian")
        try:
            texts.append(data[stop : stop + length].decode())
        except UnicodeDecodeError:
            raise DataError(
                f"input {name!r} is not UTF-8", where=f"row {len(texts)}", do="encode it in UTF-8"
            ) from None
        start = stop + length
    return texts


def to_bytes(values: np.ndarray) -> bytes:
    """An answer in the binary extension's form."""
    if values.dtype.kind == "f":
        return values.astype("<f8").tobytes()
    texts = [text.encode() for text in values.ravel().tolist()]
    return b"".join(LENGTH.pack(len(text)) + text for text in texts)
