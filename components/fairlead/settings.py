"""A pipeline's parameters from a YAML file and from `--set key=value`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_settings(config: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """Parameters by name; an assignment stands over the file.

    Args:
        config: a YAML file with one mapping.
        assignments: `key=value` with a YAML value; `a.b=1` sets one entry of a mapping.

    Raises:
        ConfigError: the file cannot be read or is no mapping, or an assignment has no `=`.
    """
    values = _read_file(config) if config else {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise ConfigError("--set takes key=value", where="--set", got=assignment, do="write --set num_trees=100")
        _assign(values, key.split("."), _parse(text, f"--set {key}"))
    return values


def _read_file(path: Path) -> dict[str, Any]:
    try:
        value = _parse(path.read_text("utf-8"), path)
    except FileNotFoundError:
        raise ConfigError("there is no such config file", where=path, do="check the path after --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the config file cannot be read", where=path, got=error, do="check the file") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigError(
            "a config file is a mapping of parameter names to values", where=path, got=type(value).__name__
        )
    return value


def _parse(text: str, where: object) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError("this is not YAML", where=where, got=str(error).replace("\n", " "), do="mend it") from None


def _assign(values: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                "--set reaches into what is not a mapping", where=".".join(keys), got=repr(inner), do="drop the dots"
            )
        values = inner
    values[keys[-1]] = value
