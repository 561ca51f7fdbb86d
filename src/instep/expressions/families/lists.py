"""Functions on multi-valued attributes."""

from ..dotnet.lettercase import lower
from ..errors import Fault
from ..limits import RESULT_ITEMS
from ..reading import too_many
from ..registry import Example, Kind, Parameter, function

FAMILY = "Lists"

_MAILS = ("SMTP:john@contoso.com", "smtp:jd@contoso.com", "smtp:JD@contoso.com")


@function(
    "Count",
    family=FAMILY,
    about="The number of values of an attribute: 0 without one, 1 for a single value.",
    parameters=(Parameter("attribute", Kind.LIST, "The list.", if_null=0),),
    returns=Kind.NUMBER,
    examples=(
        Example("Count([proxyAddresses])", 3, {"proxyAddresses": _MAILS}),
        Example("Count([proxyAddresses])", 0),
    ),
)
def count(values: tuple[str, ...] | int) -> int:
    return len(values) if isinstance(values, tuple) else 0


@function(
    "Item",
    family=FAMILY,
    about="One value of a list, by its position. A position that the list doesn't have is an error.",
    parameters=(
        Parameter("attribute", Kind.LIST, "The list."),
        Parameter("index", Kind.NUMBER, "Which value; the first is 1.", least=1),
    ),
    returns=Kind.TEXT,
    examples=(
        Example("Item([proxyAddresses], 1)", "SMTP:john@contoso.com", {"proxyAddresses": _MAILS}),
        Example('Item(Split("a@contoso.com", "@"), 2)', "contoso.com"),
        Example("Item([proxyAddresses], 4)", given={"proxyAddresses": _MAILS}, error="has 3 elements"),
        Example("Item([proxyAddresses], 0)", error="index is at least 1"),
    ),
)
def item(values: tuple[str, ...], index: int) -> str:
    if index > len(values):
        raise Fault(f"the list has {len(values)} elements, so there is no element {index}")
    return values[index - 1]


@function(
    "Split",
    family=FAMILY,
    about="Makes a list of a text. White space around the parts is taken off; empty parts stay, so that positions keep "
    "their meaning.",
    parameters=(
        Parameter("source", Kind.TEXT, "The text."),
        Parameter("delimiter", Kind.TEXT, "What separates the parts."),
    ),
    returns=Kind.LIST,
    examples=(
        Example(
            'Split([extensionAttribute5], ",")',
            ("PermissionSetOne", "PermissionSetTwo"),
            {"extensionAttribute5": "PermissionSetOne, PermissionSetTwo"},
        ),
        Example('Split("a,,b", ",")', ("a", "", "b")),
        Example('Split("", ",")', ()),
    ),
)
def split(source: str, delimiter: str) -> tuple[str, ...]:
    if not delimiter:
        raise Fault("the delimiter of Split can't be empty")
    if source.count(delimiter) >= RESULT_ITEMS:
        raise too_many()
    return tuple(part.strip() for part in source.split(delimiter)) if source else ()


@function(
    "RemoveDuplicates",
    family=FAMILY,
    about="The list with each value once, where it stood first. Values that differ only in case are the same.",
    parameters=(Parameter("attribute", Kind.LIST, "The list."),),
    returns=Kind.LIST,
    examples=(
        Example(
            "RemoveDuplicates([proxyAddresses])",
            ("SMTP:john@contoso.com", "smtp:jd@contoso.com"),
            {"proxyAddresses": _MAILS},
        ),
    ),
)
def remove_duplicates(values: tuple[str, ...]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for value in values:
        first.setdefault(lower(value), value)
    return tuple(first.values())


@function(
    "Contains",
    family=FAMILY,
    about="The position of the first value of a list that contains a text, 0 if none does.",
    parameters=(
        Parameter("attribute", Kind.LIST, "The list.", if_null=0),
        Parameter("search", Kind.TEXT, "The text to look for.", if_null=""),
        Parameter(
            "Casetype",
            Kind.WORD,
            "CaseSensitive, which holds if left out, or CaseInsensitive.",
            required=False,
            choices=("CaseSensitive", "CaseInsensitive"),
        ),
    ),
    returns=Kind.NUMBER,
    examples=(
        Example('Contains([proxyAddresses], "SMTP:")', 1, {"proxyAddresses": _MAILS}),
        Example('Contains([proxyAddresses], "JD@", CaseSensitive)', 3, {"proxyAddresses": _MAILS}),
        Example('Contains([proxyAddresses], "JD@", CaseInsensitive)', 2, {"proxyAddresses": _MAILS}),
        Example('Contains([proxyAddresses], "x500:")', 0, {"proxyAddresses": _MAILS}),
        Example(
            'Mid(Item([proxyAddresses], Contains([proxyAddresses], "SMTP:")), 6, 200)',
            "john@contoso.com",
            {"proxyAddresses": _MAILS},
        ),
    ),
)
def contains(values: tuple[str, ...] | int, search: str, case_type: str | None) -> int:
    fold = lower if case_type == "CaseInsensitive" else str
    found = values if isinstance(values, tuple) else ()
    return next((index for index, value in enumerate(found, start=1) if fold(search) in fold(value)), 0)
