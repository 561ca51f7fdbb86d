"""Functions on numbers, encodings, and the notations of directories."""

import base64
import re
from typing import Final

from ..errors import Fault
from ..reading import bounded
from ..registry import Example, Kind, Parameter, function

FAMILY = "Numbers and encodings"

_SOURCE: Final = (Parameter("source", Kind.TEXT, "The text."),)
_ENCODINGS: Final = {"Unicode": "utf-16-le", "UTF8": "utf-8", "ASCII": "ascii"}
_SID_TEXT: Final = re.compile(r"S-\d+-\d+(-\d+)*", re.ASCII)
_DN_COMPONENT: Final = re.compile(
    r'\s*+[A-Za-z0-9.-]++\s*+=\s*+("(?:[^"\\]|\\.)*+"|(?:[^,;\\]|\\.)*+)\s*+(?:[,;]|$)', re.DOTALL
)
_DN_ESCAPE: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        raise Fault("{} has half a character in it, which no encoding has a place for", text) from None


@function(
    "CStr",
    family=FAMILY,
    about="A number, a truth or a reference as text.",
    parameters=(Parameter("value", Kind.TEXT, "The value."),),
    returns=Kind.TEXT,
    examples=(
        Example("CStr([dn])", "cn=Joe,dc=contoso,dc=com", {"dn": "cn=Joe,dc=contoso,dc=com"}),
        Example("CStr([accountEnabled])", "True", {"accountEnabled": True}),
        Example("CStr(&HF7)", "247"),
    ),
)
def c_str(value: str) -> str:
    return value


@function(
    "BitAnd",
    family=FAMILY,
    about="The bits that are set in both numbers.",
    parameters=(Parameter("value1", Kind.NUMBER, "A number."), Parameter("value2", Kind.NUMBER, "Another.")),
    returns=Kind.NUMBER,
    examples=(
        Example("BitAnd(&HF, &HF7)", 7),
        Example('IIF(BitAnd([userAccountControl], 2) = 0, "True", "False")', "False", {"userAccountControl": "514"}),
    ),
)
def bit_and(value1: int, value2: int) -> int:
    return value1 & value2


@function(
    "ConvertToBase64",
    family=FAMILY,
    about="The text's UTF-16 bytes (little-endian, without a mark at the beginning) in base64.",
    parameters=_SOURCE,
    returns=Kind.TEXT,
    examples=(Example('ConvertToBase64("Hello world!")', "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),),
)
def convert_to_base64(source: str) -> str:
    return bounded(base64.b64encode(_encoded(source, "utf-16-le")).decode("ascii"))


@function(
    "ConvertFromBase64",
    family=FAMILY,
    about="The text that was turned into base64.",
    parameters=(
        *_SOURCE,
        Parameter(
            "Encoding",
            Kind.WORD,
            "How the text had been made bytes; Unicode, which is UTF-16, if left out.",
            required=False,
            choices=tuple(_ENCODINGS),
        ),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")', "Hello world!"),
        Example('ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)', "Hello world!"),
        Example("ConvertFromBase64([mail])", given={"mail": "a@x.org"}, error="isn't base64"),
    ),
)
def convert_from_base64(source: str, encoding: str | None) -> str:
    try:
        return base64.b64decode(source, validate=True).decode(_ENCODINGS[encoding or "Unicode"])
    except ValueError:
        raise Fault("{} isn't base64 of a text in this encoding", source) from None


@function(
    "ConvertToUTF8Hex",
    family=FAMILY,
    about="The text's UTF-8 bytes as upper-case hexadecimal digits.",
    parameters=_SOURCE,
    returns=Kind.TEXT,
    examples=(Example('ConvertToUTF8Hex("Hello world!")', "48656C6C6F20776F726C6421"),),
)
def convert_to_utf8_hex(source: str) -> str:
    return bounded(_encoded(source, "utf-8").hex().upper())


@function(
    "StringFromSid",
    family=FAMILY,
    about="A Windows security identifier in its usual notation, from its bytes in base64. One that is in that notation "
    "already stays as it is.",
    parameters=(Parameter("ObjectSID", Kind.TEXT, "The identifier."),),
    returns=Kind.TEXT,
    examples=(
        Example(
            'StringFromSid("AQUAAAAAAAUVAAAAKJn3pQ8OpLoe0Z+jvQIAAA==")', "S-1-5-21-2784467240-3131313679-2745159966-701"
        ),
        Example('StringFromSid("S-1-5-18")', "S-1-5-18"),
        Example('StringFromSid("AQUAAAAA")', error="isn't a security identifier"),
    ),
)
def string_from_sid(sid: str) -> str:
    if _SID_TEXT.fullmatch(sid):
        return sid
    try:
        raw = base64.b64decode(sid, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 8 + 4 * int.from_bytes(raw[1:2], "big"):
        raise Fault("{} isn't a security identifier in base64", sid)
    parts = [int.from_bytes(raw[start : start + 4], "little") for start in range(8, len(raw), 4)]
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])


@function(
    "DNComponent",
    family=FAMILY,
    about="The value of one component of a distinguished name, counted from the left.",
    parameters=(
        Parameter("dn", Kind.TEXT, "The distinguished name."),
        Parameter("ComponentNumber", Kind.NUMBER, "Which component; the first is 1.", least=1),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('DNComponent("cn=Joe,ou=Sales,dc=contoso,dc=com", 1)', "Joe"),
        Example('DNComponent("cn=Doe\\\\, Joe,ou=Sales", 2)', "Sales"),
        Example('DNComponent("cn=Doe\\\\, Joe,ou=Sales", 1)', "Doe, Joe"),
        Example('DNComponent("cn=Joe", 2)', error="has 1 components"),
    ),
)
def dn_component(dn: str, number: int) -> str:
    values: list[str] = []
    position = 0
    while position < len(dn):
        found = _DN_COMPONENT.match(dn, position)
        if found is None:
            raise Fault("{} isn't a distinguished name", dn)
        values.append(found[1])
        position = found.end()
    if number > len(values):
        raise Fault(f"{{}} has {len(values)} components", dn)
    return _DN_ESCAPE.sub(_unescaped, values[number - 1].strip().strip('"'))


def _unescaped(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    return bytes.fromhex(found[1].replace("\\", "")).decode("utf-8", "replace")
