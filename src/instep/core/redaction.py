"""Redaction: values that a mapping wraps in `Redact` go to the app and are kept from everybody's eyes.

A decision says which paths are redacted; here their values are taken out of whatever is kept or shown of it,
also out of the words of an app that repeats them. What is kept passes `instep.engine.entries`, and nothing else.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec.structs import replace

from instep.core.change import Adopt, AttributeChange, Create, Decision, Step
from instep.core.masking import Masking
from instep.core.outcome import Done, Outcome
from instep.expressions.errors import REDACTED

MASK = REDACTED

_SHORTEST = 3
"""Characters. Anything shorter can't be told from other text."""


class Redaction:
    """Masks the redacted values of one decision."""

    def __init__(self, decision: Decision) -> None:
        self._paths = frozenset(decision.redacted)
        texts = {str(value) for value in _values(decision, self._paths) if not isinstance(value, bool)}
        self._masking = Masking((text for text in texts if len(text) >= _SHORTEST), MASK)

    def change(self, change: AttributeChange) -> AttributeChange:
        """An attribute's change as people may see it."""
        if change.path not in self._paths:
            return change
        return AttributeChange(change.path, None if change.old is None else MASK, MASK, change.effect)

    def text(self, text: str) -> str:
        """Words without the values."""
        return self._masking.text(text)

    def value(self, value: Any) -> Any:
        """JSON data without the values."""
        if not self._masking:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(each) for key, each in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in cast("Iterable[Any]", value)]
        return value

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """A trace without the values."""
        if not self._masking:
            return steps
        return tuple(
            Step(step.type, step.status, self.text(step.description), self.value(step.details)) for step in steps
        )

    def outcome(self, outcome: Outcome) -> Outcome:
        """An outcome whose reason, which may be the app's words, is without the values."""
        if isinstance(outcome, Done) or not self._masking:
            return outcome
        return replace(outcome, reason=self.text(outcome.reason))


def shown(matches: tuple[tuple[str, str], ...], redacted: tuple[str, ...], texts: Iterable[str]) -> list[str]:
    """What was asked for, without the values of matching attributes that are redacted."""
    hidden = [repr(value) for path, value in matches if path in redacted]
    told: list[str] = []
    for text in texts:
        for value in hidden:
            text = text.replace(value, MASK)
        told.append(text)
    return told


def _values(decision: Decision, paths: frozenset[str]) -> Iterable[Any]:
    """The values at redacted paths, those of lists one by one."""
    if not paths:
        return
    change = decision.change
    held: list[tuple[str, Any]] = list(decision.match)
    if isinstance(change, Create):
        held += change.attributes.items()
    if isinstance(change, Adopt):
        held += change.observed.items()
    changes: tuple[AttributeChange, ...] = getattr(change, "changes", ())
    held += [(c.path, value) for c in changes for value in (c.old, c.new)]
    for path, value in held:
        if path in paths and value is not None:
            yield from cast("list[Any]", value) if isinstance(value, list) else (value,)
