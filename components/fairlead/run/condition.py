"""The conditions that KFP compiles `dsl.If` into: comparisons of inputs with short texts, numbers and bools.

    inputs.parameter_values['x'] == 'pass'      int(inputs.parameter_values['n']) > 2
    !(A) && B                                   A || B

They are parsed here and never handed to `eval`; any other expression is refused before a step runs.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from fairlead.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Expression = Callable[[Mapping[str, Any]], Any]

TOKEN = re.compile(
    r"""\s*(?:
      (?P<cast>int|double|string|bool)\((?=\s*inputs\.) | inputs\.parameter_values\['(?P<input>[^'\n]+)'\]
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)      | '(?P<text>[^'"\\\n]*)' | "(?P<quoted>[^'"\\\n]*)"
    | (?P<bool>true|false)\b | (?P<op>==|!=|>=|<=|>|<)  | (?P<join>&&|\|\|)      | (?P<mark>[!()])
    )""",
    re.VERBOSE,
)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
CASTS: dict[str, Callable[[Any], Any]] = {"int": int, "double": float, "string": str, "bool": bool}


class Condition:
    """A parsed condition.

    Args:
        text: as it stands in the compiled pipeline.
        task: the task that it guards, for errors.

    Raises:
        RunError: an expression outside the grammar above.
    """

    def __init__(self, text: str, task: str) -> None:
        self.text, self._task = text, task
        self._tokens = self._split()
        self._holds = self._either()
        if self._tokens:
            raise self._refusal()

    def holds(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the task runs.

        Raises:
            RunError: an input is missing, or two kinds of values are compared.
        """
        try:
            return bool(self._holds(inputs))
        except (KeyError, TypeError, ValueError) as error:
            advice = "compare values of one type that an upstream task gives"
            raise RunError(
                "a condition cannot be decided", where=self._where, got=f"{self.text}: {error}", do=advice
            ) from None

    @property
    def _where(self) -> str:
        return f"task {self._task!r}"

    def _refusal(self) -> RunError:
        advice = "compare with a plain word, number or bool; no quotes, backslashes or newlines in the word"
        return RunError("a condition is not supported", where=self._where, got=self.text, do=advice)

    def _split(self) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while position < len(self.text.rstrip()):
            match = TOKEN.match(self.text, position)
            if match is None or match.lastgroup is None:
                raise self._refusal()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens[::-1]

    def _take(self, *wanted: tuple[str, str]) -> bool:
        if self._tokens and self._tokens[-1] in wanted:
            self._tokens.pop()
            return True
        return False

    def _either(self) -> Expression:
        terms = [self._both()]
        while self._take(("join", "||")):
            terms.append(self._both())
        return lambda inputs: any(term(inputs) for term in terms)

    def _both(self) -> Expression:
        terms = [self._unit()]
        while self._take(("join", "&&")):
            terms.append(self._unit())
        return lambda inputs: all(term(inputs) for term in terms)

    def _unit(self) -> Expression:
        if self._take(("mark", "!")):
            inner = self._unit()
            return lambda inputs: not inner(inputs)
        if self._take(("mark", "(")):
            inner = self._either()
            if not self._take(("mark", ")")):
                raise self._refusal()
            return inner
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._value()
        if not self._tokens or self._tokens[-1][0] != "op":
            raise self._refusal()
        compare = OPERATORS[self._tokens.pop()[1]]
        right = self._value()
        return lambda inputs: compare(*_alike(left(inputs), right(inputs)))

    def _value(self) -> Expression:
        kind, text = self._tokens.pop() if self._tokens else ("", "")
        if kind == "cast":
            inner, cast = self._value(), CASTS[text]
            if not self._take(("mark", ")")):
                raise self._refusal()
            return lambda inputs: cast(inner(inputs))
        if kind == "input":
            return lambda inputs: inputs[text]
        constants: dict[str, Callable[[str], Any]] = {
            "number": float,
            "text": str,
            "quoted": str,
            "bool": "true".__eq__,
        }
        if kind not in constants:
            raise self._refusal()
        constant = constants[kind](text)
        return lambda _: constant


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both values, when they are of one kind; True is not 1."""
    kinds = [
        float if isinstance(value, int) and not isinstance(value, bool) else type(value) for value in (left, right)
    ]
    if kinds[0] is not kinds[1]:
        raise TypeError(f"{left!r} and {right!r} are of two kinds")
    return left, right
