"""Changes that an app acknowledged and didn't make, where its answer shows that: told as a warning, and not sent again.

Sending them again would be no use, and `acknowledge` takes what the app shows for what it makes of the value.
"""

from collections.abc import Mapping
from typing import Any, cast

from instep.core.change import Adopt, AttributeChange, Decision
from instep.core.link import Link
from instep.core.match import ignored
from instep.core.redaction import Redaction
from instep.core.rules import ObjectRules

CODE = "ChangeIgnored"
_LONGEST = 100
"""Characters of a value that the words show."""


def told(decision: Decision, link: Link, document: Mapping[str, Any], rules: ObjectRules) -> str:
    """Words on what the app's answer shows as it was before; empty when there is nothing to tell. link: before it."""
    changes: tuple[AttributeChange, ...] = getattr(decision.change, "changes", ())
    returned = {} if isinstance(decision.change, Adopt) else link.returned
    redaction = Redaction(decision)
    return "; ".join(_words(redaction.change(c)) for c in ignored(changes, returned, document, rules))


def _words(change: AttributeChange) -> str:
    done = f"that {change.path} was taken away" if change.new is None else f"{change.path} {_short(change.new)}"
    return f"the app acknowledged {done}, and still shows {_short(change.old)}"


def _short(value: Any) -> str:
    text = repr(cast("Any", value["value"]) if isinstance(value, dict) and "subject" in value else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
