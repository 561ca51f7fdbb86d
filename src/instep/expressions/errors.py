"""What can go wrong with an expression, by what happens next.

    ValueError
      ExpressionError     the rule is wrong: refuse it where it is saved
        PatternError      the regular expression in it is wrong
    Exception
      EvaluationError     the rule can't be worked out for this subject: the subject waits, the others go on
        PatternTimeout    a pattern took too long; whoever counts these may switch the pattern off
      Fault               how a function says so; the compiler adds the place and makes it an EvaluationError

Values that went through `Redact` are never part of a message: a `Fault` keeps the value apart from the sentence,
and the compiler leaves it out when the expression redacts anything.
"""

from typing import Final

REDACTED: Final = "[Redact]"
_NO_VALUE: Final = object()
_SHOWN = 100


class ExpressionError(ValueError):
    """An expression that can't be accepted: `message`, and the `column` (from 1) where the fault is, if known."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message if column is None else f"{message} (column {column})")
        self.message = message
        self.column = column


class PatternError(ExpressionError):
    """A regular expression that can't be accepted; `column` counts within the pattern."""


class EvaluationError(Exception):
    """An expression that has no value for these inputs.

    `message` says why, `expression` is the whole text and `place` the call in it that failed.
    """

    def __init__(self, message: str, expression: str, place: str) -> None:
        super().__init__(f"{message}, in {place}")
        self.message = message
        self.expression = expression
        self.place = place


class PatternTimeout(EvaluationError):
    """A pattern (`pattern`, as it was written) that didn't come to an end in the time it was given."""

    def __init__(self, message: str, expression: str, place: str, pattern: str) -> None:
        super().__init__(message, expression, place)
        self.pattern = pattern


class Fault(Exception):
    """A function can't go on. `{}` in the message stands for the value, shown in quotes unless it is redacted."""

    def __init__(self, message: str, value: object = _NO_VALUE) -> None:
        super().__init__(message)
        self._message = message
        self._value = value

    def told(self, *, redacted: bool) -> str:
        """The sentence with its value, or with `[Redact]` in the value's place."""
        if self._value is _NO_VALUE:
            return self._message
        return self._message.replace("{}", REDACTED if redacted else quoted(self._value), 1)


class Refusal(Fault):
    """The rule itself asks to fail, in its own words (the function `Error`)."""

    def __init__(self, text: str) -> None:
        super().__init__("{}", text)
        self._text = text

    def told(self, *, redacted: bool) -> str:
        return REDACTED if redacted else shortened(self._text, 1_000)


def quoted(value: object) -> str:
    """A value as messages show it: in quotes if it's a text, and never long."""
    return f'"{shortened(value)}"' if isinstance(value, str) else shortened(repr(value))


def shortened(text: str, length: int = _SHOWN) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"
