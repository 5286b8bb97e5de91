"""The column types of a Dataset, few on purpose: what every engine, Parquet and ONNX agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

#: Names as a manifest and a schema file write them.
TYPES = ("bool", "int64", "float64", "string", "date", "timestamp")


def to_arrow(name: str) -> pa.DataType:
    """The Arrow type behind one of `TYPES`; timestamps are microseconds without a zone."""
    import pyarrow as pa

    kinds = (pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.date32(), pa.timestamp("us"))
    return dict(zip(TYPES, kinds, strict=True))[name]


def of_arrow(field: pa.Field, where: object) -> str:
    """The name in `TYPES` that keeps a column's values.

    Raises:
        DataError: lists, structs, binary and other types that have none.
    """
    import pyarrow as pa

    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    tests = (
        ("bool", pa.types.is_boolean),
        ("int64", pa.types.is_integer),
        ("float64", lambda t: pa.types.is_floating(t) or pa.types.is_decimal(t)),
        (
            "string",
            lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t),
        ),
        ("date", pa.types.is_date),
        ("timestamp", pa.types.is_timestamp),
    )
    for name, matches in tests:
        if matches(kind):
            return name
    advice = f"cast it in the query to one of {', '.join(TYPES)}, or leave it out"
    raise DataError(
        "a column has a type that no dataset holds",
        where=f"{where}, column {field.name!r}",
        got=kind,
        do=advice,
    )


def normalise(schema: pa.Schema, where: object) -> pa.Schema:
    """The same columns in the types of a Dataset.

    Raises:
        DataError: a type that no dataset holds, or two columns of one name.
    """
    import pyarrow as pa

    for name in schema.names:
        if schema.names.count(name) > 1:
            advice = "rename one in the query with AS"
            raise DataError("two columns have the same name", where=f"{where}, column {name!r}", do=advice)
    return pa.schema([pa.field(field.name, to_arrow(of_arrow(field, where))) for field in schema])
