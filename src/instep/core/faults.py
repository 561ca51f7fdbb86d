"""Faults: everything that is wrong with the form of a document, and not just the first thing.

A document is plain data as YAML and JSON give it, and its form is a msgspec type; new types and fields are known
here without being named. `rules_document` and `compile` add what a type can't say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct, inspect

Kind = TypeVar("Kind", bound=Struct)


class Fault(Struct, frozen=True):
    """What is wrong in a document, and where."""

    place: str
    """`users.mappings[3].target`; empty for the document as a whole."""
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


def form_faults(given: Any, kind: type[Struct], place: str = "") -> list[Fault]:
    """Where the data isn't of the type `kind`: missing and unknown keys, wrong types, unknown words.

    place: what the data's own place is called. Values are never repeated in a fault: one might be a secret.
    """
    return list(_faults(given, _known(kind), place))


def sound(given: Any, kind: type[Kind]) -> dict[int, Kind]:
    """The elements of a list that are of the type `kind`, typed, by their place in the list."""
    found: dict[int, Kind] = {}
    for index, element in enumerate(elements(given)):
        if not form_faults(element, kind):
            found[index] = msgspec.convert(element, kind)
    return found


def content(given: Any) -> dict[str, Any]:
    """The keys and values; none where something else is there, which is a fault of its own."""
    return dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else {}


def elements(given: Any) -> Sequence[Any]:
    """The elements of a list; none where something else is there."""
    return cast("Sequence[Any]", given) if isinstance(given, list | tuple) else ()


def unknown(name: str, known: Sequence[str]) -> str:
    """What is said of a key that doesn't exist: with the one that may be meant, or all that there are."""
    near = get_close_matches(name.lower(), known, n=1)
    return f"there is no key `{name}`; " + (f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}")


@lru_cache(maxsize=64)
def _known(kind: type[Struct]) -> inspect.Type:
    return inspect.type_info(kind)


def _faults(given: Any, kind: inspect.Type, place: str) -> Iterator[Fault]:
    match kind:
        case inspect.StructType():
            yield from _struct(given, kind, place)
        case inspect.VarTupleType() | inspect.ListType():
            if not isinstance(given, list | tuple):
                yield Fault(place, f"expected a list, and this is {_called(given)}")
                return
            for index, element in enumerate(cast("Sequence[Any]", given)):
                yield from _faults(element, kind.item_type, f"{place}[{index}]")
        case inspect.UnionType():
            yield from _union(given, kind, place)
        case inspect.LiteralType():
            if not isinstance(given, str):
                yield Fault(place, f"expected {_one_of(kind)}, and this is {_called(given)}")
            elif given not in kind.values:
                yield Fault(place, f"expected {_one_of(kind)}")
        case _:
            fits, expected = _PLAIN.get(type(kind), (_anything, ""))
            if not fits(given):
                yield Fault(place, f"expected {expected}, and this is {_called(given)}{_quotes(given, kind)}")


def _struct(given: Any, kind: inspect.StructType, place: str) -> Iterator[Fault]:
    if not isinstance(given, Mapping):
        yield Fault(place, f"expected keys and values, and this is {_called(given)}")
        return
    content = cast("Mapping[Any, Any]", given)
    fields = {field.encode_name: field for field in kind.fields}
    for key, value in content.items():
        inside = f"{place}.{key}" if place else str(key)
        if key in fields:
            yield from _faults(value, fields[key].type, inside)
        elif kind.forbid_unknown_fields:
            yield Fault(inside, unknown(str(key), list(fields)))
    for name, field in fields.items():
        if field.required and name not in content:
            yield Fault(place, f"missing the key `{name}`")


def _union(given: Any, kind: inspect.UnionType, place: str) -> Iterator[Fault]:
    """A type or nothing: no other unions stand in documents."""
    if given is None and any(isinstance(each, inspect.NoneType) for each in kind.types):
        return
    for each in kind.types:
        if not isinstance(each, inspect.NoneType):
            yield from _faults(given, each, place)


def _anything(_: Any) -> bool:
    return True


_PLAIN: dict[type[inspect.Type], tuple[Callable[[Any], bool], str]] = {
    inspect.StrType: (lambda given: isinstance(given, str), "a text"),
    inspect.BoolType: (lambda given: isinstance(given, bool), "true or false"),
    inspect.IntType: (lambda given: isinstance(given, int) and not isinstance(given, bool), "a whole number"),
    inspect.FloatType: (lambda given: isinstance(given, int | float) and not isinstance(given, bool), "a number"),
}


def _one_of(kind: inspect.LiteralType) -> str:
    return " or ".join(f"`{value}`" for value in kind.values)


def _called(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, Mapping):
        return "keys and values"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", tuple: "a list"}
    return names.get(cast("type[Any]", type(given)), "a date")


def _quotes(given: Any, kind: inspect.Type) -> str:
    scalar = given is not None and not isinstance(given, Mapping | list | tuple)
    return "; put it in quotes" if scalar and isinstance(kind, inspect.StrType) else ""
