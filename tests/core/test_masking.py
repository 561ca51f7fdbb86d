"""A value is taken out of a text however an encoder has written it."""

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.masking import Masking

TOKEN = 'abc/DEF+ghi==&"quoted" <x>\\y\'z'


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def by_dotnet(text: str) -> str:
    """As .NET's encoder has it: what HTML could misread is escaped, in capital hex digits."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._~/=!*(){}[]|:;,?@#$%^-"
    return "".join(c if c in plain else in_utf_16(c) for c in text)


def in_utf_16(character: str) -> str:
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be").hex().upper())


def by_go_template(text: str) -> str:
    return html.escape(text).replace("+", "&#43;")


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower case": str.lower,
    "JSON": in_json,
    "JSON, slashes escaped": lambda text: in_json(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: in_json(in_json(text)),
    "JSON in JSON in JSON": lambda text: in_json(in_json(in_json(text))),
    ".NET": by_dotnet,
    "JSON, all in hex": lambda text: re.sub(
        r'[^\w"\\.~-]', lambda c: in_utf_16(c[0]), json.dumps(text, ensure_ascii=False)[1:-1], flags=re.ASCII
    ),
    "percent": quote,
    "percent, everything": lambda text: quote(text, safe=""),
    "percent, small letters": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": quote_plus,
    "JSON in a URL": lambda text: quote(in_json(text), safe=""),
    "HTML": html.escape,
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "a template of Go": by_go_template,
}


VALUES = [TOKEN, "p/ss+w%rd", "Łukasz Müller", "王小明 😀", "a+b", "====", "eyJh.bGci-_~.x", "\\\\x\\", "two\nlines"]
# Letters beyond ASCII are told apart by case.
WRITTEN = [(value, form) for value in VALUES for form in FORMS if value.isascii() or form != "lower case"]


@pytest.mark.parametrize(("value", "form"), WRITTEN)
def test_value_is_masked_in_every_form(value: str, form: str) -> None:
    written = FORMS[form](value)
    assert Masking([value], "***").text(f"before {written} after {written}") == "before *** after ***"


def test_patterns_need_nothing_that_older_pythons_get_wrong() -> None:
    """Before Python 3.11.5 possessive quantifiers miss what they should find (cpython issue 106052)."""
    value = Masking(['a+b\\c%d%%"e" f\n&<ü😀'], "***")._values[0]
    assert re.search(rb"[*+?}]\+", value.pattern.pattern.replace(rb"\+", b"")) is None


def test_whole_values_are_masked_before_their_parts() -> None:
    assert Masking(["secret", "secret-of-ours"], "***").text("the secret-of-ours, a secret") == "the ***, a ***"


def test_what_isnt_the_value_stays() -> None:
    text = "abc/DEF+ghi=&nothing, 100% of it \\u00e9 &amp; Łukas"
    assert Masking([TOKEN, "Łukasz"], "***").text(text) == text
    assert Masking([], "***").text(text) == text
    assert Masking([""], "***").text(text) == text


def test_text_that_is_no_utf_8_is_masked_too() -> None:
    assert Masking(["s3cret-token"], "***").data(b"\xff\xfe s3cret-token \x80") == b"\xff\xfe *** \x80"
    assert Masking(["s3cret-token"], "***").text("\udc80 s3cret-token") == "\udc80 ***"


def test_neither_values_nor_patterns_are_shown() -> None:
    masking = Masking([TOKEN], "***")
    assert "abc" not in f"{masking!r} {masking._values!r}"


def test_basic_credentials_are_masked_as_any_other_value() -> None:
    basic = base64.b64encode(b"client:p/ss+w?rd~~~>>>").decode()
    assert Masking([basic], "***").text(json.dumps({"header": f"Basic {basic}"}).replace("/", "\\/")) == (
        '{"header": "Basic ***"}'
    )


@given(st.text(min_size=1, max_size=12), st.sampled_from([*FORMS]), st.text(max_size=8))
def test_no_form_of_any_value_is_left(value: str, form: str, around: str) -> None:
    if form == "lower case" and not value.isascii():
        return  # letters beyond ASCII are told apart by case
    try:
        written = FORMS[form](value)
        written.encode()
    except UnicodeEncodeError:
        return  # half of a character
    assert "***" in Masking([value], "***").text(f"{around}{written}{around}")


def test_hostile_text_is_no_work() -> None:
    """However many backslashes, percents and ampersands stand in an answer."""
    masking = Masking(['a\\\\\\\\b"""""+++++/////&&&&&c'], "***")
    before = time.thread_time()
    for hostile in (
        "\\" * 200_000,
        "%25" * 70_000,
        "&amp;" * 40_000,
        "a" + "\\" * 200_000,
        "&#0" * 60_000,
        "%5c" * 70_000,
    ):
        masking.text(f"c{hostile} a{hostile}b{hostile}c")
    assert time.thread_time() - before < 5
