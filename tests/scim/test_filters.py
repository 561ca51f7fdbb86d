"""Filters: the value is a JSON string, whatever is in it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.scim.filters import equals


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("userName", "ada@example.test", 'userName eq "ada@example.test"'),
        ('emails[type eq "work"].value', "a", 'emails[type eq "work"].value eq "a"'),
        ("displayName", 'say "hi" \\ bye', r'displayName eq "say \"hi\" \\ bye"'),
        ("displayName", "new\nline\ttab", r'displayName eq "new\nline\ttab"'),
        ("displayName", "名前", 'displayName eq "名前"'),
    ],
)
def test_a_filter_compares_with_a_json_string(path: str, value: str, text: str) -> None:
    assert equals(path, value) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_gets_out_of_its_quotes(value: str) -> None:
    assert msgspec.json.decode(equals("userName", value).removeprefix("userName eq ")) == value
