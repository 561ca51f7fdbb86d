"""What is redacted goes to the app and nowhere else."""

from datetime import UTC, datetime

import pytest

from instep.expressions import (
    DROP,
    Candidates,
    EvaluationError,
    ExpressionError,
    Inputs,
    PatternTimeout,
    Redacted,
    parse,
)

NOW = datetime(2021, 7, 2, tzinfo=UTC)
SECRET = "hunter2"


def test_redacted_result_does_not_show_its_value() -> None:
    result = parse("Redact([a])").evaluate(Inputs({"a": SECRET}, now=NOW))
    assert result == Redacted(SECRET)
    assert SECRET not in f"{result} {result!r} {(result,)}"
    assert str(result) == "[Redact]"


def test_redaction_covers_the_whole_expression() -> None:
    expression = parse('Append("pw-", Redact([a]))')
    assert expression.redacted
    assert expression.evaluate(Inputs({"a": SECRET}, now=NOW)) == Redacted(f"pw-{SECRET}")
    assert parse("Redact([a])").evaluate(Inputs({}, now=NOW)) == Redacted(None)
    assert parse("Redact(IgnoreFlowIfNullOrEmpty([a]))").evaluate(Inputs({}, now=NOW)) == Redacted(DROP)
    candidates = parse('SelectUniqueValue(Redact([a]), "b")').evaluate(Inputs({"a": SECRET}, now=NOW))
    assert candidates == Redacted(Candidates((SECRET, "b")))


@pytest.mark.parametrize(
    "text",
    [
        "Redact(CDate([a]))",
        "CDate(Redact([a]))",
        "Left(Redact([b]), [a])",
        "Redact(Left([b], [a]))",
        "Redact(ConvertFromBase64([a]))",
        "Redact(Error([a]))",
        'Redact(FormatDateTime([a], , "yyyy", "yyyy"))',
        'Redact(Append("hunter2", CDate([b])))',
        "Redact(DateAdd([a], 1, [b]))",
        'Redact(Left([b], Append("hunter2", [a])))',
    ],
)
def test_error_of_a_redacted_expression_tells_no_value(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        parse(text).evaluate(Inputs({"a": SECRET, "b": "hunter2 too"}, now=NOW))
    told = f"{caught.value} {caught.value!r} {caught.value.expression} {caught.value.place} {caught.value.args}"
    assert SECRET not in told
    assert "[Redact]" in told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        'Redact(CDate("hunter2"))',
        'Redact(Left([a], "hunter2"))',
        'Redact(DateAdd("hunter2", 1, [a]))',
        'Redact("hunter2" [a])',
        'Redact([a] "hunter2")',
        'Redact("hunter2", 1)',
        'Redact(Item("hunter2", 5))',
        'Redact(FormatDateTime([a], "hunter2", "yyyy", "yyyy"))',
        'Redact(InStr("a", "b", 1, "hunter2"))',
        'Redact(DNComponent("hunter2", 1))',
    ],
)
def test_refusal_of_a_redacted_constant_does_not_repeat_it(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert SECRET not in str(caught.value)


def test_timeout_of_a_redacted_expression_tells_no_value() -> None:
    expression = parse('Redact(Replace([a], , "^(a|aa)+$", , "hunter2", , ))')
    with pytest.raises(PatternTimeout) as caught:
        expression.evaluate(Inputs({"a": "a" * 60 + "!"}, now=NOW, pattern_timeout=0.01))
    assert SECRET not in f"{caught.value} {caught.value.expression} {caught.value.place}"
    assert "aaaa" not in str(caught.value)


def test_error_without_redaction_tells_the_value() -> None:
    with pytest.raises(EvaluationError, match=SECRET):
        parse("CDate([a])").evaluate(Inputs({"a": SECRET}, now=NOW))
