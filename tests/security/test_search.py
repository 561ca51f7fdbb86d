"""The search for canaries finds them: what it doesn't see, no other test here could miss."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from tests.security.canaries import Search, made

VALUE = made("somebody's")
WRITTEN: dict[str, Callable[[str], str | bytes]] = {
    "plain": str,
    "lower case": str.lower,
    "upper case": str.upper,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "a URL": quote,
    "HTML": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one later": lambda text: base64.b64encode(f"x{text}".encode()),
    "base64, two later": lambda text: base64.b64encode(f"xy{text}".encode()),
    "base64 of a header": lambda text: base64.b64encode(f"client:{text}".encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, capitals": lambda text: text.encode().hex().upper(),
    "reversed": lambda text: text[::-1],
    "UTF-16": lambda text: text.encode("utf-16"),
    "its beginning": lambda text: text[:9],
    "its end": lambda text: text[-14:],
}


@pytest.mark.parametrize("form", WRITTEN)
def test_value_is_found_however_it_is_written(form: str) -> None:
    text = WRITTEN[form](VALUE)
    data = text if isinstance(text, bytes) else text.encode()
    assert Search({"it": VALUE, "other": made("other")}).found(b"before " + data + b" after") == {"it"}


@pytest.mark.parametrize("form", [bytes, base64.b64encode, base64.urlsafe_b64encode, lambda key: key.hex().encode()])
def test_key_is_found_however_it_is_written(form: Callable[[bytes], bytes]) -> None:
    key = bytes(range(7, 39))
    assert Search({"key": key}).found(b"x" + form(key) + b"\n") == {"key"}


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert Search({"it": VALUE}).found(made("other").encode() * 3) == set()
