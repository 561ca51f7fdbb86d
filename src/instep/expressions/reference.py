"""The reference page of the mapping language, made from the registry.

`python -m instep.expressions.reference > docs/reference/expressions.md` writes it anew; a test holds the page that is
kept in the repository equal to what this makes. What the language is like as a whole stands here, what a function does
stands with the function.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from . import limits
from .aliases import ALIASES
from .families import functions
from .registry import Example, Function, IfNull, Kind, Parameter
from .values import DROP, Candidates, Inputs, Redacted, Result, Role

EXAMPLE_INPUTS: Final = Inputs(
    {}, now=datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC), seed="example", default_domain="contoso.com"
)
"""What all examples are evaluated with, their attributes apart."""

_KINDS: Final = {
    Kind.ANY: "anything",
    Kind.TEXT: "text",
    Kind.NUMBER: "number",
    Kind.TRUTH: "true or false",
    Kind.DATE: "date",
    Kind.LIST: "list",
    Kind.ROLES: "role objects",
    Kind.WORD: "a word",
    Kind.PATTERN: "text in quotes",
}

_INTRODUCTION: Final = """\
# The mapping language

An expression makes one value for the app out of a person's attributes in the directory. This page is made from the
functions themselves; every example on it is run by the tests. Where the language differs from Microsoft Entra's, or
settles what Entra leaves open, is told in [Expressions and Entra](../explanation/expressions-and-entra.md).

## What an expression is made of

| part | written | remarks |
| --- | --- | --- |
| attribute | `[userPrincipalName]` | null if the person has no such attribute |
| text | `"United States"` | a backslash or a quote in it has a backslash before it: `"\\\\d"`, `"\\""` |
| number | `8`, `-10`, `&HF7` | whole, at most 64 bits; `&H` begins hexadecimal digits |
| function | `Left([surname], 5)` | upper and lower case of the name don't matter; a parameter in brackets is optional |
| argument left out | `Switch([a], , "k", "v")` | nothing between two commas |
| comparison | `[country] = "USA"` | `=` `<>` `<` `<=` `>` `>=`; true or false |
| texts put together | `"t-" & [alias]` | null if one of them is null |
| word | `vbTextCompare` | a choice that a function offers, or `True` or `False` |

**Values.** Texts, whole numbers, true and false, lists of texts, role objects, and null. Dates are texts in UTC, such
as `6/29/2021 4:00:00 PM`. Where a function needs a text, numbers and truths are spelled out, a list of one element
counts as that element, an empty list as null, and a longer list is an error. Where it needs a number, a text of digits
will do.

**Null.** Without a required argument a function gives null, unless its table says otherwise; optional arguments that
are null count as left out.

**Comparisons.** With something null or empty on either side a comparison is false, `<>` too. Texts are equal if they
are the same, case included; `True` and `False` in any case. A number equals a text that spells it. For order, what
spells numbers on both sides is compared as numbers, dates as dates, anything else by its characters.

**Errors.** An expression that can't work is refused when it is saved, with the column. One that fails for a person
keeps that person waiting and nobody else.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join((_INTRODUCTION, *_names(), *_limits(), *_functions()))


def _names() -> Iterator[str]:
    yield "## Names of attributes\n"
    yield "Attributes have Microsoft Graph's names. These older names mean the same:\n"
    yield "| older name | attribute |\n| --- | --- |"
    for name, alias in ALIASES.items():
        yield f"| `[{name}]` | `{alias.name}`{', its first value' if alias.first else ''} |"
    yield ""


def _limits() -> Iterator[str]:
    yield "## Limits\n"
    yield "| what | at most |\n| --- | --- |"
    for what, most in (
        ("characters of an expression, white space between its parts not counted", f"{limits.EXPRESSION_LENGTH:,}"),
        ("functions inside of each other", f"{limits.EXPRESSION_DEPTH}"),
        ("function calls in an expression", f"{limits.EXPRESSION_CALLS}"),
        ("characters of a function's result", f"{limits.RESULT_LENGTH:,}"),
        ("elements of a function's result", f"{limits.RESULT_ITEMS:,}"),
        ("characters of a pattern", f"{limits.PATTERN_LENGTH:,}"),
        ("groups of a pattern inside of each other", f"{limits.PATTERN_DEPTH}"),
        ("product of the bounds of a pattern's nested repeats", f"{limits.PATTERN_REPEATS:,}"),
        ("parts of a pattern with its repeats written out", f"{limits.PATTERN_SIZE:,}"),
        ("time for a pattern on one text", f"{limits.PATTERN_SECONDS * 1000:g} ms"),
    ):
        yield f"| {what} | {most} |"
    yield ""


def _functions() -> Iterator[str]:
    by_family = sorted(functions().values(), key=lambda function: (function.family, function.name.lower()))
    yield "## All functions\n"
    for family, members in groupby(by_family, key=lambda function: function.family):
        yield f"{family}: {', '.join(f'[{member.name}](#{member.name.lower()})' for member in members)}.\n"
    for family, members in groupby(by_family, key=lambda function: function.family):
        yield f"## {family}\n"
        for member in members:
            yield from _function(member)


def _function(function: Function) -> Iterator[str]:
    yield f"### {function.name}\n"
    yield f"`{function.signature}` gives {_KINDS[function.returns]}.\n"
    yield f"{function.about}\n"
    if function.parameters:
        yield "| parameter | takes | if null | |\n| --- | --- | --- | --- |"
        yield from (_parameter(function, parameter) for parameter in function.parameters)
        yield ""
    yield from map(_example, function.examples)
    yield ""


def _parameter(function: Function, parameter: Parameter) -> str:
    takes = " or ".join(f"`{choice}`" for choice in parameter.choices) or _KINDS[parameter.kind]
    if parameter.least is not None:
        takes += f", at least {parameter.least}"
    notes = ", optional" * (not parameter.required) + ", any number of times" * parameter.repeats
    return f"| {parameter.name}{notes} | {takes} | {_if_null(function, parameter)} | {parameter.about} |"


def _if_null(function: Function, parameter: Parameter) -> str:
    if function.build is not None or parameter.if_null is IfNull.IS_PASSED or parameter.kind is Kind.WORD:
        return ""  # the function decides, and its text says how
    if not parameter.required:
        return "as if left out"
    if parameter.if_null is IfNull.GIVES_NULL:
        return "null"
    return f"as `{shown(parameter.if_null)}`"


def _example(example: Example) -> str:
    given = "; ".join(f"{name} = {shown(value)}" for name, value in example.given.items())
    outcome = f"error: {example.error}" if example.error else f"`{shown(example.result)}`"
    inputs = f"  \n  with `{given}`" if given else ""
    return f"- `{example.expression}` → {outcome}{inputs}"


def shown(result: Result) -> str:
    """A result as people write it down."""
    match result:
        case Redacted():
            return f"{shown(result.value)}, shown as [Redact]"
        case Candidates():
            return f"the first free one of {shown(result.values)}"
        case _ if result is DROP:
            return "nothing is sent"
        case tuple():
            return f"[{', '.join(map(_element, result))}]"
        case str():
            return f'"{result}"'
        case _:
            return "null" if result is None else str(result)


def _element(element: str | Role) -> str:
    if isinstance(element, str):
        return shown(element)
    return f"{{{', '.join(f'{key}: {shown(value)}' for key, value in element.items())}}}"


if __name__ == "__main__":
    sys.stdout.write(page())
