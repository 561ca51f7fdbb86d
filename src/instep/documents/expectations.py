"""What was expected of rules, and what came: one prepared test is run, pure and without the app.

The rules are the cycle's own functions. What a test is, and how it is read, is in `rules_tests`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from msgspec import Struct

from instep.core.desire import Mapped, in_scope, inputs, mapped
from instep.core.faults import content
from instep.core.rules import Rules
from instep.core.scope import NotReady, OutOfScope, scope
from instep.core.scoping import findings
from instep.documents.rules_tests import FAILS, Prepared
from instep.expressions import DROP, Candidates, EvaluationError, Expression, Inputs, Redacted
from instep.expressions.errors import REDACTED

SEED = "a test of rules"
"""What is random once is the same in every run of a test."""


class Check(Struct, frozen=True):
    """One thing that was expected, and what came."""

    what: str
    expected: Any
    got: Any
    """`{fails: TEXT}` when there is no value to be had."""
    passed: bool


def run(
    test: Prepared, rules: Rules | None, now: datetime, name: Callable[[str], str], default_domain: str | None = None
) -> list[Check]:
    """What was expected, and what came. name: what people call the subject with that id (a manager)."""
    given = inputs(test.subject, rules.roles if rules else (), now, SEED, default_domain)
    checks: list[Check] = []
    if rules and test.given.scope:
        checks.append(_scope(test, rules, given))
    if rules and test.targets:
        checks += _values(test, rules, given, name)
    for text, expression in test.expressions.items():
        checks.append(_check(text, test.given.expressions[text], *_evaluated(expression, given)))
    return checks


def _scope(test: Prepared, rules: Rules, given: Inputs) -> Check:
    answer = scope(test.subject, rules, given)
    state, reasons, said = "in", ["in"], "in"
    if isinstance(answer, NotReady):
        state, reasons, said = "not-ready", [answer.code], f"not-ready: {answer.reason}"
    elif isinstance(answer, OutOfScope):
        failed = [f.clause for f in findings(rules.users.filters, given) if f.holds is False]
        reasons = [answer.clause, *(failed if answer.clause == "filter" else ())]
        state, said = "out", f"out: {answer.reason}"
    wanted, clause = test.given.scope, test.given.clause
    expected = f"{wanted}: {clause}" if clause else wanted
    return Check("scope", expected, said, state == wanted and (clause is None or clause in reasons))


def _values(test: Prepared, rules: Rules, given: Inputs, name: Callable[[str], str]) -> Iterator[Check]:
    wish = in_scope(test.subject, rules, given)
    rows: dict[str, Mapped] = {each.mapping.target: each for each in mapped(rules.users, given)}
    for written, path in test.targets.items():
        expected, row = test.given.targets[written], rows.get(path)
        if row is None:
            yield _check(written, expected, None if isinstance(wish, NotReady) else wish.attributes.get(path))
            continue
        got = row.given(wish)
        if row.mapping.reference and got is not None and expected == got:
            yield Check(written, expected, got, True)
            continue
        got = name(got) if row.mapping.reference and got is not None else got
        yield _check(written, expected, got, row.error, row.mapping.source.redacted)


def _evaluated(expression: Expression, given: Inputs) -> tuple[Any, str, bool]:
    """Value, error, and whether the value must not be shown."""
    try:
        value = expression.evaluate(given)
    except EvaluationError as wrong:
        return None, str(wrong), expression.redacted
    return plain(value.value if isinstance(value, Redacted) else value), "", expression.redacted


def plain(value: Any) -> Any:
    """A result as YAML and JSON have it: lists; nothing for what is left out; all candidates."""
    if value is DROP:
        return None
    if isinstance(value, Candidates):
        return list(value.values)
    if isinstance(value, tuple):
        return [dict(v) if isinstance(v, Mapping) else v for v in cast("tuple[Any, ...]", value)]
    return value


def _check(what: str, expected: Any, got: Any, error: str = "", redacted: bool = False) -> Check:
    fails = content(expected).get(FAILS)
    if error:
        return Check(what, expected, {FAILS: error}, fails is not None and str(fails) in error)
    # Through JSON, since True is 1 to Python.
    same = fails is None and json.dumps(expected, sort_keys=True) == json.dumps(got, sort_keys=True)
    return Check(what, expected, REDACTED if redacted and got is not None else got, same)
