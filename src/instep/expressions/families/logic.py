"""Functions that choose between values, and those that decide about the whole mapping.

They look only at the arguments they need: an error in a branch that isn't taken does no harm.
"""

from typing import cast

from ..errors import ExpressionError, Refusal
from ..nodes import Call
from ..reading import nothing, text, truth
from ..registry import Example, IfNull, Kind, Parameter, Site, form
from ..values import DROP, Candidates, Dropped, Evaluator, Inputs, Reader, Redacted, Result, Value

FAMILY = "Choosing"

_EMPTY_TESTS = ("IsPresent", "IsNull", "IsNullOrEmpty")


@form(
    "IIF",
    family=FAMILY,
    about="One of two values, by a condition: a comparison, or anything that reads as true or false. A comparison with "
    "something null or empty is false. There is no AND and no OR; nest IIF instead.",
    parameters=(
        Parameter("condition", Kind.TRUTH, "What decides.", if_null=IfNull.IS_PASSED),
        Parameter("valueIfTrue", Kind.ANY, "The value if it holds."),
        Parameter("valueIfFalse", Kind.ANY, "The value if it doesn't."),
    ),
    returns=Kind.ANY,
    examples=(
        Example('IIF([country] = "USA", [country], [department])', "USA", {"country": "USA", "department": "IT"}),
        Example('IIF([country] = "USA", [country], [department])', "IT", {"country": "Ghana", "department": "IT"}),
        Example('IIF([country] <> "USA", "abroad", "at home")', "at home"),
        Example('IIF(IsPresent([country]), [country], "Other")', "Other"),
        Example(
            'IIF([country] = "USA", IIF([state] = "CA", "West", "East"), "")', "West", {"country": "USA", "state": "CA"}
        ),
        Example(
            'IIF(DateDiff("d", Now(), CDate([hireDate])) > 5, "False", "True")', "False", {"hireDate": "2021-07-20"}
        ),
    ),
)
def iif(site: Site) -> Evaluator:
    condition, if_true, if_false = cast(tuple[Reader, Reader, Reader], site.arguments)
    return lambda inputs: if_true(inputs) if condition(inputs) else if_false(inputs)


@form(
    "Switch",
    family=FAMILY,
    about="The value whose key equals the source, upper and lower case being different; the default value if no key "
    'does. The key "" stands for a source that is null or empty. Keys and values come in pairs.',
    parameters=(
        Parameter("source", Kind.TEXT, "What the keys are compared with.", if_null=IfNull.IS_PASSED),
        Parameter("defaultValue", Kind.ANY, "The result if no key fits; null if left out.", required=False),
        Parameter("key, value", Kind.ANY, "A key, and the value that goes with it.", key="switchValue", repeats=True),
    ),
    returns=Kind.ANY,
    examples=(
        Example('Switch([state], "Other", "QLD", "Brisbane", "SA", "Adelaide")', "Brisbane", {"state": "QLD"}),
        Example('Switch([state], "Other", "QLD", "Brisbane", "SA", "Adelaide")', "Other", {"state": "qld"}),
        Example('Switch([IsSoftDeleted], , "False", "True", "True", "False")', "True", {"IsSoftDeleted": "False"}),
        Example('Switch([IsSoftDeleted], , "False", "True", "True", "False")', "False", {"IsSoftDeleted": True}),
        Example('Switch([country], [country], "", "Other")', "Other"),
        Example('Switch([state], , "QLD", "Brisbane")', None, {"state": "NSW"}),
        Example('Switch([state], , "QLD")', error="in pairs"),
    ),
)
def switch(site: Site) -> Evaluator:
    source, default, *pairs = site.arguments
    if len(pairs) % 2:
        raise ExpressionError("the keys and values of Switch come in pairs", site.call.column)
    first = site.call.arguments[0]
    if isinstance(first, Call) and first.name in _EMPTY_TESTS:
        site.warn(f'{first.name} as the source of Switch gives True or False; to catch an empty source use the key ""')
    keys = [site.constant(index) for index in range(2, len(pairs) + 2, 2)]
    if len(set(keys)) < len(keys) and None not in keys:
        site.warn("Switch has the same key twice; the first one counts")
    chosen = cast(list[Reader], pairs)
    if None in keys:
        return _compared_in_order(cast(Reader, source), default or _nothing, chosen)
    values = dict(reversed(list(zip(cast(list[str], keys), chosen[1::2], strict=True))))
    return _looked_up(cast(Reader, source), default or _nothing, values)


def _looked_up(source: Reader, default: Reader, values: dict[str, Reader]) -> Evaluator:
    return lambda inputs: values.get(source(inputs) or "", default)(inputs)


def _compared_in_order(source: Reader, default: Reader, pairs: list[Reader]) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        wanted = source(inputs) or ""
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if text(key(inputs)) == wanted:
                return value(inputs)
        return default(inputs)

    return run


def _nothing(inputs: Inputs) -> Value:
    return None


@form(
    "Coalesce",
    family=FAMILY,
    about="The first value that isn't null. An empty text is a value, so it can be the last argument to have one "
    "in any case.",
    parameters=(Parameter("source", Kind.ANY, "A value, or the default as the last one.", repeats=True),),
    returns=Kind.ANY,
    examples=(
        Example("Coalesce([mail], [userPrincipalName])", "john@contoso.com", {"userPrincipalName": "john@contoso.com"}),
        Example('Coalesce([mail], [userPrincipalName], "")', ""),
        Example("Coalesce([mail], [userPrincipalName])", None),
    ),
)
def coalesce(site: Site) -> Evaluator:
    sources = cast(tuple[Reader, ...], site.arguments)

    def run(inputs: Inputs) -> Value:
        for source in sources:
            value = source(inputs)
            if value is not None and value != ():
                return value
        return None

    return run


@form(
    "Not",
    family=FAMILY,
    about="False for True, and True for anything else, null included.",
    parameters=(Parameter("source", Kind.ANY, "What is turned round."),),
    returns=Kind.TRUTH,
    examples=(
        Example("Not([IsSoftDeleted])", False, {"IsSoftDeleted": "True"}),
        Example("Not([IsSoftDeleted])", True, {"IsSoftDeleted": False}),
        Example("Not([IsSoftDeleted])", True),
    ),
)
def negation(site: Site) -> Evaluator:
    (source,) = cast(tuple[Reader], site.arguments)
    return lambda inputs: (text(source(inputs)) or "").lower() != "true"


@form(
    "CBool",
    family=FAMILY,
    about="True for True, for the text True in any case and for numbers other than zero; False for anything else.",
    parameters=(Parameter("Expression", Kind.ANY, "A comparison or any value."),),
    returns=Kind.TRUTH,
    examples=(
        Example("CBool([mail] = [userPrincipalName])", True, {"mail": "a@x.org", "userPrincipalName": "a@x.org"}),
        Example("CBool([mail] = [userPrincipalName])", False, {"mail": "a@x.org", "userPrincipalName": "A@x.org"}),
        Example('CBool("0")', False),
        Example("CBool(Count([otherMails]))", True, {"otherMails": ("a@x.org",)}),
    ),
)
def c_bool(site: Site) -> Evaluator:
    (source,) = cast(tuple[Reader], site.arguments)
    return lambda inputs: truth(source(inputs))


@form(
    "IgnoreFlowIfNullOrEmpty",
    family=FAMILY,
    about="The value, if there is one. If it is null or empty, the attribute is left out of what is sent altogether: "
    "no default value, and nothing cleared. That holds for the whole mapping, wherever in it this stands.",
    parameters=(Parameter("Expression", Kind.ANY, "The value."),),
    returns=Kind.ANY,
    examples=(
        Example("IgnoreFlowIfNullOrEmpty([department])", "IT", {"department": "IT"}),
        Example("IgnoreFlowIfNullOrEmpty([department])", DROP),
        Example('IgnoreFlowIfNullOrEmpty(Switch([prefix], "", "3443", "Dr.", "3444", "Prof."))', DROP, {"prefix": "1"}),
    ),
)
def ignore_flow(site: Site) -> Evaluator:
    (source,) = cast(tuple[Reader], site.arguments)

    def run(inputs: Inputs) -> Value:
        value = source(inputs)
        if nothing(value):
            raise Dropped
        return value

    return run


@form(
    "Redact",
    family=FAMILY,
    about="The value goes to the app and is kept out of logs, plans, pages and errors, which show `[Redact]` instead. "
    "Where it is used inside of other functions, the whole result is kept out.",
    parameters=(Parameter("attribute/value", Kind.ANY, "The value.", key="source"),),
    returns=Kind.ANY,
    examples=(
        Example("Redact([userPrincipalName])", Redacted("a@x.org"), {"userPrincipalName": "a@x.org"}),
        Example('Append(Redact([employeeId]), "-7")', Redacted("42-7"), {"employeeId": "42"}),
    ),
)
def redact(site: Site) -> Evaluator:
    return cast(Evaluator, site.arguments[0])


@form(
    "Error",
    family=FAMILY,
    about="Fails the object with this message. It waits, and the others go on.",
    parameters=(Parameter("message", Kind.TEXT, "The message."),),
    returns=Kind.ANY,
    examples=(
        Example('IIF(IsPresent([mail]), [mail], Error("everybody needs mail"))', "a@x.org", {"mail": "a@x.org"}),
        Example('IIF(IsPresent([mail]), [mail], Error("everybody needs mail"))', error="everybody needs mail"),
    ),
)
def error(site: Site) -> Evaluator:
    (message,) = cast(tuple[Reader], site.arguments)

    def run(inputs: Inputs) -> Value:
        raise Refusal(message(inputs) or "the mapping's rule says that this is an error")

    return run


@form(
    "SelectUniqueValue",
    family=FAMILY,
    about="Candidates in order of preference, of which the first is used that nobody has in the app. It stands at the "
    "top of an expression, takes at least two, and belongs into mappings that apply only when an object is created.",
    parameters=(Parameter("uniqueValueRule", Kind.ANY, "A candidate.", repeats=True),),
    returns=Kind.ANY,
    impure=True,
    top_only=True,
    examples=(
        Example(
            'SelectUniqueValue(Join(".", [givenName], [surname]), Join(".", Left([givenName], 1), [surname]))',
            Candidates(("John.Smith", "J.Smith")),
            {"givenName": "John", "surname": "Smith"},
        ),
        Example('SelectUniqueValue("only one")', error="at least two"),
    ),
)
def select_unique_value(site: Site) -> Evaluator:
    rules = cast(tuple[Reader, ...], site.arguments)
    if len(rules) < 2:
        raise ExpressionError("SelectUniqueValue takes at least two candidates", site.call.column)
    site.warn(
        "SelectUniqueValue belongs into a mapping that applies only when an object is created, and not into matching"
    )

    def run(inputs: Inputs) -> Result:
        values = [value for value in (text(rule(inputs)) for rule in rules) if value]
        return Candidates(tuple(dict.fromkeys(values)))

    return cast(Evaluator, run)
