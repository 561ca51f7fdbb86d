"""Attribute paths: what is one, what isn't, and how each is written canonically."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.scim.paths import ENTERPRISE_USER, AttributePath, PathError, Selector, parse


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("userName", AttributePath("userName")),
        ("name.givenName", AttributePath("name", sub="givenName")),
        ('emails[type eq "work"].value', AttributePath("emails", None, Selector("type", "work"), "value")),
        ('emails[type eq "work"]', AttributePath("emails", None, Selector("type", "work"))),
        ('roles[primary eq "True"].value', AttributePath("roles", None, Selector("primary", True), "value")),
        ("roles[primary eq true].value", AttributePath("roles", None, Selector("primary", True), "value")),
        ("roles[primary eq FALSE]", AttributePath("roles", None, Selector("primary", False))),
        (f"{ENTERPRISE_USER}:department", AttributePath("department", ENTERPRISE_USER)),
        (f"{ENTERPRISE_USER.lower()}:manager", AttributePath("manager", ENTERPRISE_USER)),
        ("ENT:manager.value", AttributePath("manager", ENTERPRISE_USER, None, "value")),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", AttributePath("userName")),
        (
            'urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tags[type eq "x"].value',
            AttributePath(
                "tags", "urn:ietf:params:scim:schemas:extension:Acme:2.0:User", Selector("type", "x"), "value"
            ),
        ),
        (' emails[ type  EQ  "work" ].value ', AttributePath("emails", None, Selector("type", "work"), "value")),
        (r'x[type eq "a\"b\\c].d"].value', AttributePath("x", None, Selector("type", 'a"b\\c].d'), "value")),
        ("x-y_z1.$ref", AttributePath("x-y_z1", sub="$ref")),
    ],
)
def test_a_path_is_taken_apart(text: str, path: AttributePath) -> None:
    assert parse(text) == path


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ENT:department", f"{ENTERPRISE_USER}:department"),
        ('emails[type  eq "work"] .value'.replace(" .", "."), 'emails[type eq "work"].value'),
        ("roles[primary eq true].value", 'roles[primary eq "True"].value'),
    ],
)
def test_the_canonical_text_is_that_of_the_mapping_editor(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("1st", 1),
        ("name.", 6),
        ("name.given.name", 11),
        ("emails[type eq work].value", 16),
        ('emails[type eq "work].value', 16),
        ('emails[type ne "work"].value', 12),
        ('emails[type eq "work" and primary eq true].value', 23),
        ('emails[type eq "work"', 22),
        ('emails[type eq "a\\q"]', 16),
        ("user name", 6),
        ("urn:ietf", 1),
        ("urn:a:b:", 9),
        ("userName;drop", 9),
    ],
)
def test_what_isnt_a_path_is_refused_with_the_column(text: str, column: int) -> None:
    with pytest.raises(PathError) as refusal:
        parse(text)
    assert refusal.value.column == column
    assert repr(text) in str(refusal.value)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,9}", fullmatch=True)
paths = st.builds(
    AttributePath,
    names,
    st.none() | st.just(ENTERPRISE_USER) | st.just("urn:ietf:params:scim:schemas:extension:Acme:2.0:User"),
    st.none()
    | st.builds(
        Selector, names.filter(lambda n: n.lower() != "primary"), st.text(st.characters(exclude_categories=["Cs"]))
    )
    | st.builds(Selector, st.just("primary"), st.booleans()),
    st.none() | names,
)


@given(paths)
def test_the_canonical_text_means_the_same_path(path: AttributePath) -> None:
    assert parse(str(path)) == path


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        path = parse(text)
    except PathError as refusal:
        column = refusal.column
    else:
        assert parse(str(path)) == path
        return
    assert 1 <= column <= len(text) + 1
