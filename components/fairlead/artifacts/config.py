"""Config: the checked parameters of a step."""

from __future__ import annotations

import gc
import os
from typing import Any

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs every step 15 ms
if os.environ.get("_KFP_RUNTIME") == "true":  # a step's own process: what it loads stays, and searching that for
    gc.freeze()  # garbage while more is loaded costs every step 25 ms
    gc.set_threshold(50_000)

from pydantic import BaseModel, ConfigDict, ValidationError

from fairlead.errors import ConfigError


class Config(BaseModel):
    """A frozen set of parameters; a wrong one is told with its name, its rule and its value.

    Raises:
        ConfigError: an unknown parameter, or a value that breaks a rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or type(self).__name__
            rule = first["msg"].removeprefix("Value error, ")
            got = repr(first.get("input"))
            raise ConfigError(
                f"a parameter is wrong: {rule}", where=where, got=got, do="correct this parameter"
            ) from None

    @property
    def facts(self) -> dict[str, Any]:
        """The parameters as JSON, for lineage."""
        return self.model_dump(mode="json")
