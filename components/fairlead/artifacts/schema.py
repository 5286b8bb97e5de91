"""Schema: what data must look like, as a YAML file that a person reads, reviews and edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fairlead.artifacts.directory import rename_file
from fairlead.errors import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

UNICODE_BREAKS = "\x85\u2028\u2029"
HEADER = "# What the data must look like. Review it, edit it, keep it in git; check_table holds data against it.\n"


class Column(BaseModel):
    """One column and its rules.

    Attributes:
        name: as in the data.
        type: one of bool, int64, float64, string, date, timestamp.
        max_null_fraction: the greatest allowed share of missing values, 0 to 1; NaN counts as missing.
        min: the least allowed number.
        max: the greatest allowed number.
        values: the allowed strings; None allows any.
        unique: no value occurs twice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: Literal["bool", "int64", "float64", "string", "date", "timestamp"]
    max_null_fraction: float = Field(default=0.0, ge=0, le=1)
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    values: tuple[str, ...] | None = None
    unique: bool = False

    @model_validator(mode="after")
    def _rules_fit_the_type(self) -> Self:
        ranged = self.min is not None or self.max is not None
        if ranged and self.type not in ("int64", "float64"):
            raise ValueError("min and max are for int64 and float64")
        if self.values is not None and self.type != "string":
            raise ValueError("values are for string")
        return self


class Schema(BaseModel):
    """Columns in order, and the sets of columns whose values together occur once.

    Attributes:
        columns: every column the data has; one more or one less breaks the schema.
        keys: each a list of columns that together identify a row.
        min_rows: the least number of rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    min_rows: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError("a column is listed twice")
        for key in self.keys:
            if not key or not set(key) <= set(names):
                raise ValueError(f"a key names columns that are not listed: {list(key)}")
        return self

    @classmethod
    def open(cls, path: Path) -> Schema:
        """Reads a schema file.

        Raises:
            ArtifactError: missing, not YAML, or with a rule that does not exist; it names the line or the field.
        """
        import yaml

        try:
            value = yaml.safe_load(path.read_text("utf-8"))
            return cls.model_validate(value)
        except FileNotFoundError:
            raise ArtifactError(
                "there is no schema here", where=path, do="check the path, or run infer_schema"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = f"{path}, {'.'.join(map(str, first['loc'])) or 'top level'}"
            raise ArtifactError(
                "the schema breaks a rule", where=where, got=first["msg"], do="mend this field"
            ) from None
        except Exception as error:  # noqa: BLE001 - PyYAML lets through what its constructors meet
            got = str(error).replace("\n", " ")
            raise ArtifactError("the schema cannot be read", where=path, got=got, do="mend the YAML") from None

    def write(self, path: Path) -> None:
        """Writes the YAML file, the same bytes for the same schema."""
        import yaml

        value = self.model_dump(mode="json", exclude_defaults=True)
        text = yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=110)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(HEADER + text, "utf-8")
        rename_file(draft, path)


def _dumper() -> type[yaml.SafeDumper]:
    """PyYAML's, but for texts with Unicode's line breaks: only between double quotes are they read back as written."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        broken = any(mark in text for mark in UNICODE_BREAKS)
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if broken else None)

    Dumper.add_representer(str, represent)
    return Dumper
