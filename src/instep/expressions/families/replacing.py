"""The function Replace, which is five functions: what it does depends on which arguments are given.

Which way is meant is known when the rule is saved, and so are the pattern and the group's name, which must be written
out. A replacement that is written out may refer to groups; one that comes from an attribute is taken as it is.
"""

from collections.abc import Callable
from typing import Final, cast

from .. import patterns
from ..dotnet import substitution
from ..errors import ExpressionError, Fault, PatternError
from ..limits import RESULT_LENGTH
from ..nodes import Text
from ..patterns import Match, Pattern
from ..reading import bounded, too_long
from ..registry import Example, Kind, Parameter, Site, form
from ..values import Evaluator, Inputs, Reader, Value

OLD, PATTERN, GROUP, NEW, OTHER, TEMPLATE = range(1, 7)

_PHONE: Final = r'"\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})"'
_WAYS: Final = """oldValue and replacementValue; oldValue and template; regexPattern and replacementValue; \
regexPattern, regexGroupName and replacementValue; regexPattern, regexGroupName and replacementAttributeName"""


@form(
    "Replace",
    family="Replacing",
    about="""Replaces parts of a text, upper and lower case being different. The arguments that are given decide how:

- oldValue and replacementValue: every oldValue in the source becomes the replacement.
- oldValue and template: every oldValue in the template becomes the source.
- regexPattern and replacementValue: every match becomes the replacement, which may contain `${name}`, `$1` and the
  other substitutions of .NET when it is written out.
- regexPattern, regexGroupName and replacementValue: only what the group matched becomes the replacement.
- regexPattern, regexGroupName and replacementAttributeName: the source if it has a value; else what the group matches
  in the other attribute, or null if the pattern doesn't match there.

Without a source there is no result, except in the last way. A replacement that is null counts as empty.""",
    parameters=(
        Parameter("source", Kind.TEXT, "The text."),
        Parameter("oldValue", Kind.TEXT, "What is looked for.", key="Find", required=False),
        Parameter("regexPattern", Kind.PATTERN, "A .NET regular expression.", key="RegularExpression", required=False),
        Parameter("regexGroupName", Kind.PATTERN, "A group in it.", key="RegularExpressionGroupName", required=False),
        Parameter("replacementValue", Kind.TEXT, "What takes its place.", key="Replacement", required=False),
        Parameter(
            "replacementAttributeName",
            Kind.TEXT,
            "Where to look if the source is empty.",
            key="ReplacementPropertyName",
            required=False,
        ),
        Parameter("template", Kind.TEXT, "A text that the source is put into.", key="Template", required=False),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('Replace([mail], "@contoso.com", , , "", ,)', "john.doe", {"mail": "john.doe@contoso.com"}),
        Example('Replace([preferredLanguage], "-", , , "_", , )', "EN_US", {"preferredLanguage": "EN-US"}),
        Example(
            'Replace([userId], "<username>", , , , , "<username>@contoso.com")',
            "jsmith@contoso.com",
            {"userId": "jsmith"},
        ),
        Example(
            f'Replace([telephoneNumber], , {_PHONE}, , "${{phoneNumber}}", , )',
            "9998887777",
            {"businessPhones": ("+91 9998887777",)},
        ),
        Example('Replace([mobile], , "[()\\\\s-]+", , "", , )', "+19998887777", {"mobilePhone": "+1 (999) 888-7777"}),
        Example(
            'Replace([streetAddress], , "(?<streetNumber>^\\\\d*)", "streetNumber", "888", , )',
            "888 Tremont Street",
            {"streetAddress": "545 Tremont Street"},
        ),
        Example(
            'Replace([userPrincipalName], , "(?<Suffix>@(.)*)", "Suffix", "", , )',
            "jsmith",
            {"userPrincipalName": "jsmith@contoso.com"},
        ),
        Example(
            f'Replace([telephoneNumber], , {_PHONE}, "phoneNumber", , [mobile], )',
            "8887779999",
            {"businessPhones": (), "mobilePhone": "+91 8887779999"},
        ),
        Example('Replace([mailNickname], , "[a-zA-Z_]*", , "", , )', "72", {"mailNickname": "john_doe72"}),
        Example('Replace([mail], , "[a-z", , "", , )', error="no closing bracket"),
        Example('Replace([mail], "a", , , "b", , "c")', error="takes one of these"),
    ),
)
def replace(site: Site) -> Evaluator:
    source = cast(Reader, site.arguments[0])
    given = frozenset(index for index in range(1, 7) if site.arguments[index] is not None)
    build = _BUILDERS.get(given)
    if build is None:
        raise ExpressionError(f"Replace takes one of these, and nothing else: {_WAYS}", site.call.column)
    return build(site, source)


def _argument(site: Site, index: int) -> Reader:
    return cast(Reader, site.arguments[index])


def _pattern(site: Site) -> Pattern:
    try:
        return patterns.compile(site.constant(PATTERN) or "")
    except PatternError as error:
        node = site.call.arguments[PATTERN]
        place = "" if error.column is None else f" at its character {error.column}"
        column = node.column if isinstance(node, Text) else site.call.column
        raise ExpressionError(f"in the pattern{place}: {error.message}", column) from None


def _group(site: Site, pattern: Pattern) -> str:
    name = site.constant(GROUP) or ""
    if name not in pattern.groups:
        names = ", ".join(group for group in pattern.groups if not group.isdigit()) or "none"
        raise ExpressionError(f"the pattern has no group of this name; it has {names}", site.call.column)
    return pattern.groups[name]


def _by_text(site: Site, source: Reader) -> Evaluator:
    old, new = _argument(site, OLD), _argument(site, NEW)

    def run(inputs: Inputs) -> Value:
        text = source(inputs)
        return None if text is None else _replaced(text, old(inputs), new(inputs) or "")

    return run


def _into_template(site: Site, source: Reader) -> Evaluator:
    old, template = _argument(site, OLD), _argument(site, TEMPLATE)

    def run(inputs: Inputs) -> Value:
        text, target = source(inputs), template(inputs)
        return None if text is None or target is None else _replaced(target, old(inputs), text)

    return run


def _replaced(text: str, old: str | None, new: str) -> str:
    if old is None:
        return text
    if not old:
        raise Fault("oldValue can't be empty")
    if len(text) + text.count(old) * (len(new) - len(old)) > RESULT_LENGTH:
        raise too_long()
    return text.replace(old, new)


def _by_pattern(site: Site, source: Reader) -> Evaluator:
    pattern, new = _pattern(site), _argument(site, NEW)
    written = site.constant(NEW)
    pieces = None if written is None else substitution.pieces(written, pattern.groups)

    def run(inputs: Inputs) -> Value:
        text = source(inputs)
        if text is None:
            return None
        plain = "" if pieces else new(inputs) or ""
        result, length, position = list[str](), 0, 0
        for match in pattern.all(text, inputs.pattern_timeout):
            replacement = "".join(piece(text, match) for piece in pieces) if pieces else plain
            result += [text[position : match.start()], replacement]
            length += len(replacement)
            position = match.end()
            if length > RESULT_LENGTH:
                raise too_long()
        return bounded("".join((*result, text[position:])))

    return run


def _by_group(site: Site, source: Reader) -> Evaluator:
    pattern, new = _pattern(site), _argument(site, NEW)
    group = _group(site, pattern)

    def run(inputs: Inputs) -> Value:
        text = source(inputs)
        if text is None:
            return None
        replacement = new(inputs) or ""
        result, length, position = list[str](), 0, 0
        for match in pattern.all(text, inputs.pattern_timeout):
            for start, end in _spans(match, group, position):
                result += [text[position:start], replacement]
                length += len(replacement)
                position = end
            if length > RESULT_LENGTH:
                raise too_long()
        return bounded("".join((*result, text[position:])))

    return run


def _spans(match: Match, group: str, position: int) -> list[tuple[int, int]]:
    """What the group captured, in order and without overlaps: it may have captured in a look-around, or many times."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(match.spans(group)):
        if start >= position:
            spans.append((start, end))
            position = end
    return spans


def _from_other(site: Site, source: Reader) -> Evaluator:
    pattern, other = _pattern(site), _argument(site, OTHER)
    group = _group(site, pattern)

    def run(inputs: Inputs) -> Value:
        text = source(inputs)
        if text:
            return text
        elsewhere = other(inputs)
        match = None if elsewhere is None else pattern.first(elsewhere, inputs.pattern_timeout)
        return None if match is None else match.group(group)

    return run


_BUILDERS: Final[dict[frozenset[int], Callable[[Site, Reader], Evaluator]]] = {
    frozenset({OLD, NEW}): _by_text,
    frozenset({OLD, TEMPLATE}): _into_template,
    frozenset({PATTERN, NEW}): _by_pattern,
    frozenset({PATTERN, GROUP, NEW}): _by_group,
    frozenset({PATTERN, GROUP, OTHER}): _from_other,
}
