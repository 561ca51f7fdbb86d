"""Functions that make a value up: identifiers, passwords, and what the tenant knows.

Nothing here is random. A value is derived from the seed of the link and the place of the call in the expression, so a
plan that is made twice says the same, and two calls in one expression differ.
"""

import hashlib
from collections.abc import Iterator
from itertools import repeat
from typing import Final, cast

from ..errors import ExpressionError, Fault
from ..reading import whole
from ..registry import Example, Kind, Parameter, Site, form
from ..values import Evaluator, Inputs, Reader, Value

FAMILY = "Made values"

_ONCE: Final = "makes a new value for each new link; use it in a mapping that applies only when an object is created"
_LONGEST: Final = 256
_SPECIAL: Final = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/"
_CLASSES: Final = ("0123456789", _SPECIAL, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
"""In the order of RandomString's minima."""


def _stream(inputs: Inputs, place: str) -> Iterator[int]:
    """Bytes that look random, always the same for one seed and place."""
    counter = 0
    while True:
        yield from hashlib.sha256(f"{inputs.seed}\0{place}\0{counter}".encode("utf-8", "surrogatepass")).digest()
        counter += 1


def _below(limit: int, stream: Iterator[int]) -> int:
    """A number from 0 up to the limit (at most 256), each as likely as the others."""
    fair = 256 - 256 % limit
    return next(byte for byte in stream if byte < fair) % limit


@form(
    "Guid",
    family=FAMILY,
    about="A new identifier in lower case with hyphens, made once for each link. For mappings that apply only when an "
    "object is created.",
    parameters=(),
    returns=Kind.TEXT,
    impure=True,
    examples=(Example("Guid()", "48a9bc27-7a4b-4ed0-a84f-5a9006bd3bd1"),),
)
def guid(site: Site) -> Evaluator:
    site.warn(f"Guid {_ONCE}")
    place = site.place

    def run(inputs: Inputs) -> Value:
        stream = _stream(inputs, place)
        raw = bytearray(next(stream) for _ in range(16))
        raw[6] = raw[6] & 0x0F | 0x40  # RFC 9562, section 5.4: version 4
        raw[8] = raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    return run


@form(
    "RandomString",
    family=FAMILY,
    about="A text of so many characters that nobody can guess, with at least so many of each kind; the rest is of the "
    "kinds that were asked for, or of letters and digits. For mappings that apply only when an object is created, and "
    "best inside of Redact.",
    parameters=(
        Parameter("Length", Kind.NUMBER, f"How many characters, at most {_LONGEST}.", least=0),
        Parameter("MinimumNumbers", Kind.NUMBER, "How many digits at least.", least=0),
        Parameter("MinimumSpecialCharacters", Kind.NUMBER, "How many special characters at least.", least=0),
        Parameter("MinimumCapital", Kind.NUMBER, "How many capital letters at least.", least=0),
        Parameter("MinimumLowerCase", Kind.NUMBER, "How many small letters at least.", least=0),
        Parameter("CharactersToAvoid", Kind.TEXT, "Characters that are never used.", required=False),
    ),
    returns=Kind.TEXT,
    impure=True,
    examples=(
        Example("RandomString(6, 3, 0, 0, 3)", "8s9xn2"),
        Example('RandomString(10, 2, 2, 2, 1, "?,")', "yn2*9A_XwS"),
        Example("RandomString(2, 3, 0, 0, 3)", error="is shorter than the 6 characters"),
        Example("RandomString(500, 0, 0, 0, 0)", error="at most 256"),
    ),
)
def random_string(site: Site) -> Evaluator:
    site.warn(f"RandomString {_ONCE}")
    *numbers, avoided = site.arguments
    reads = cast(list[Reader], numbers)
    place = site.place
    _refuse_impossible(site)

    def run(inputs: Inputs) -> Value:
        length, *minima = [read(inputs) for read in reads]
        if length is None or None in minima:
            return None
        return _random_string(length, minima, (avoided(inputs) if avoided else None) or "", _stream(inputs, place))

    return run


def _refuse_impossible(site: Site) -> None:
    """Finds out when the rule is saved what no subject could change."""
    numbers = [whole(site.constant(index)) for index in range(5)]
    if None in numbers:
        return
    length, *minima = cast(list[int], numbers)
    try:
        _random_string(length, minima, site.constant(5) or "", repeat(0))
    except Fault as fault:
        raise ExpressionError(fault.told(redacted=False), site.call.column) from None


def _random_string(length: int, minima: list[int], avoided: str, stream: Iterator[int]) -> str:
    if length > _LONGEST:
        raise Fault(f"a random string has at most {_LONGEST} characters, not {length}")
    if length < sum(minima):
        raise Fault(f"a random string of {length} is shorter than the {sum(minima)} characters that it must have")
    allowed = ["".join(character for character in kind if character not in avoided) for kind in _CLASSES]
    wanted = [kind for kind, least in zip(allowed, minima, strict=True) if least]
    rest = "".join(wanted) or allowed[0] + allowed[2] + allowed[3]
    if not rest or not all(wanted):
        raise Fault("nothing is left of the characters that a random string must have")
    kinds = [kind for kind, least in zip(allowed, minima, strict=True) for _ in range(least)]
    kinds += [rest] * (length - len(kinds))
    made = [kind[_below(len(kind), stream)] for kind in kinds]
    for index in range(len(made) - 1, 0, -1):
        other = _below(index + 1, stream)
        made[index], made[other] = made[other], made[index]
    return "".join(made)


@form(
    "DefaultDomain",
    family=FAMILY,
    about="The directory's default domain.",
    parameters=(),
    returns=Kind.TEXT,
    examples=(Example('Join("@", [mailNickname], DefaultDomain())', "john@contoso.com", {"mailNickname": "john"}),),
)
def default_domain(site: Site) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        if not inputs.default_domain:
            raise Fault("the directory has no default domain")
        return inputs.default_domain

    return run
