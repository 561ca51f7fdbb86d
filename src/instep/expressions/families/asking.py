"""Functions that say whether there is a value, and of what kind."""

from ..errors import Fault
from ..reading import nothing, text
from ..registry import Example, IfNull, Kind, Parameter, function
from ..values import Value

FAMILY = "Asking"

_EXPRESSION = (Parameter("Expression", Kind.ANY, "What is looked at.", if_null=IfNull.IS_PASSED),)


@function(
    "IsNull",
    family=FAMILY,
    about="Whether there is no value at all.",
    parameters=_EXPRESSION,
    returns=Kind.TRUTH,
    examples=(Example("IsNull([mail])", True), Example("IsNull([mail])", False, {"mail": ""})),
)
def is_null(value: Value) -> bool:
    return value is None


@function(
    "IsNothing",
    family=FAMILY,
    about="The same as IsNull, under an older name.",
    parameters=(Parameter("source", Kind.ANY, "What is looked at.", if_null=IfNull.IS_PASSED),),
    returns=Kind.TRUTH,
    examples=(Example("IsNothing([mail])", True),),
)
def is_nothing(value: Value) -> bool:
    return value is None


@function(
    "IsNullOrEmpty",
    family=FAMILY,
    about="Whether there is no value, an empty text or an empty list.",
    parameters=_EXPRESSION,
    returns=Kind.TRUTH,
    examples=(
        Example("IsNullOrEmpty([mail])", True),
        Example("IsNullOrEmpty([mail])", True, {"mail": ""}),
        Example("IsNullOrEmpty([mail])", False, {"mail": "a@x.org"}),
    ),
)
def is_null_or_empty(value: Value) -> bool:
    return nothing(value)


@function(
    "IsPresent",
    family=FAMILY,
    about="Whether there is a value that isn't empty; the opposite of IsNullOrEmpty.",
    parameters=_EXPRESSION,
    returns=Kind.TRUTH,
    examples=(Example("IsPresent([mail])", True, {"mail": "a@x.org"}), Example("IsPresent([mail])", False)),
)
def is_present(value: Value) -> bool:
    return not nothing(value)


@function(
    "IsString",
    family=FAMILY,
    about="Whether there is a value that can be read as one text: not null, and not a list of several values.",
    parameters=_EXPRESSION,
    returns=Kind.TRUTH,
    examples=(
        Example("IsString([employeeId])", True, {"employeeId": "42"}),
        Example("IsString([proxyAddresses])", False, {"proxyAddresses": ("a@x.org", "b@x.org")}),
        Example("IsString([employeeId])", False),
    ),
)
def is_string(value: Value) -> bool:
    try:
        return text(value) is not None
    except Fault:
        return False
