"""Attribute paths: how a mapping names an attribute of the app, and how PATCH does.

The forms are those of the mapping editor: `userName`, `name.givenName`, `emails[type eq "work"].value`,
`roles[primary eq "True"].value`, and an extension's URN, a colon and the attribute. They are the part of
RFC 7644 figure 7 that one mapping can write to: at most one `eq` comparison, never `and` or `not`.
"""

import re
from functools import lru_cache
from typing import NoReturn

import msgspec
from msgspec import Struct

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_CORE = {CORE_USER.lower(), CORE_GROUP.lower()}
_NAME = re.compile(r"\$ref|[A-Za-z][A-Za-z0-9_-]*")
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9()+,\-.:=@;$_!*'%/]+")
_EQ = re.compile(r"\s+eq\s+", re.IGNORECASE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"(?i:true|false)\b")


class PathError(ValueError):
    """A text that isn't an attribute path; the message names the text, the column (from 1) and the way out."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        super().__init__(f"{text!r}, column {column}: {problem}")
        self.text, self.column, self.problem = text, column, problem


class Selector(Struct, frozen=True):
    """Which element of a multi-valued attribute is meant: the one whose sub-attribute has that value."""

    name: str
    value: str | bool

    def __str__(self) -> str:
        # The mapping editor writes booleans as "True" and "False".
        value = str(self.value) if isinstance(self.value, bool) else self.value
        return f"{self.name} eq {quoted(value)}"


class AttributePath(Struct, frozen=True):
    """An attribute path, taken apart."""

    attribute: str
    schema: str | None = None
    """The extension's URN; none for attributes of the core schema."""
    selector: Selector | None = None
    sub: str | None = None
    """The sub-attribute: `givenName` of `name.givenName`."""

    @property
    def element(self) -> str:
        """The canonical text without the sub-attribute: paths of one element have it in common."""
        prefix = f"{self.schema}:" if self.schema else ""
        brackets = f"[{self.selector}]" if self.selector else ""
        return f"{prefix}{self.attribute}{brackets}"

    def __str__(self) -> str:
        return f"{self.element}.{self.sub}" if self.sub else self.element


def quoted(value: str) -> str:
    """The value as a JSON string, as filters want it (RFC 7644 section 3.4.2.2)."""
    return msgspec.json.encode(value).decode()


@lru_cache(maxsize=4096)
def parse(text: str) -> AttributePath:
    """The path that a text means; `ENT:` stands for the enterprise extension's URN and a colon.

    Raises PathError.
    """
    return _Parser(text).path()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def path(self) -> AttributePath:
        self._spaces()
        schema = self._schema()
        attribute = self._name("an attribute name, such as userName")
        selector = self._selector() if self._take("[") else None
        sub = self._name("a sub-attribute, such as givenName") if self._take(".") else None
        self._spaces()
        if self.at < len(self.text):
            self._fail(f"{self.text[self.at :]!r} wasn't expected; a path ends after its sub-attribute")
        return AttributePath(attribute, schema, selector, sub)

    def _schema(self) -> str | None:
        if self._take("ENT:"):
            return ENTERPRISE_USER
        if self.text[self.at : self.at + 4].lower() != "urn:":
            return None
        found = _URN.match(self.text, self.at)
        urn, colon, _ = found[0].rpartition(":") if found else ("", "", "")
        if urn.count(":") < 2 or not colon:
            self._fail("expected a schema's URN, a colon and an attribute name")
        self.at += len(urn) + 1
        if urn.lower() in _CORE:
            return None
        return ENTERPRISE_USER if urn.lower() == ENTERPRISE_USER.lower() else urn

    def _selector(self) -> Selector:
        self._spaces()
        name = self._name("a sub-attribute to compare, such as type")
        operator = _EQ.match(self.text, self.at)
        if not operator:
            self._fail('expected eq: a mapping selects one element, such as emails[type eq "work"]')
        self.at = operator.end()
        value = self._literal(name)
        self._spaces()
        if not self._take("]"):
            self._fail("expected ]: only one eq comparison can stand in the brackets")
        return Selector(name, value)

    def _literal(self, name: str) -> str | bool:
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return word[0].lower() == "true"
        found = _STRING.match(self.text, self.at)
        if not found:
            self._fail('expected a value in double quotes, such as "work"')
        try:
            value = msgspec.json.decode(found[0], type=str)
        except msgspec.DecodeError:
            self._fail("the quoted value isn't a JSON string: write \\\" for a quote and \\\\ for a backslash")
        self.at = found.end()
        if name.lower() == "primary" and value.lower() in ("true", "false"):
            return value.lower() == "true"
        return value

    def _name(self, what: str) -> str:
        found = _NAME.match(self.text, self.at)
        if not found:
            self._fail(f"expected {what}")
        self.at = found.end()
        return found[0]

    def _take(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _spaces(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def _fail(self, problem: str) -> NoReturn:
        raise PathError(self.text, self.at + 1, problem)
