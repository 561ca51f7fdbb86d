"""The digest of a decision: names exactly what would be done, and nothing of why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import LAW

from instep.core.change import (
    Adopt,
    AttributeChange,
    Change,
    Create,
    Decision,
    Delete,
    Disable,
    Effect,
    Enable,
    Keep,
    Release,
    Skip,
    Step,
    Update,
)
from instep.core.subject import Kind

TITLE = AttributeChange("title", "Analyst", "Countess")
CHANGES: list[Change] = [
    Create({"title": "Countess"}),
    Create({"title": "Analyst"}),
    Create({"title": "Countess"}, ("a",)),
    Create({"title": "Countess"}, ("a", "b")),
    Create({"active": False}),
    Create({"active": 0}),
    Create({"active": "False"}),
    Create({"active": None}),
    Adopt("app-1", {}),
    Adopt("app-2", {}),
    Adopt("app-1", {"title": "Analyst"}),
    Adopt("app-1", {}, (TITLE,)),
    Adopt("app-1", {}, members_added=("a",)),
    Adopt("app-1", {}, members_removed=("a",)),
    Adopt("app-1", {}, members_found=("a",)),
    Adopt("app-1", {}, foreign_removed=("a",)),
    Update(),
    Update((TITLE,)),
    Update((replace(TITLE, old="Clerk"),)),
    Update((replace(TITLE, new="Clerk"),)),
    Update((replace(TITLE, path="nickName"),)),
    Update((replace(TITLE, effect="login-change"),)),
    Update((), ("a",)),
    Update((), (), ("a",)),
    Update((), (), (), ("a",)),
    Disable((TITLE,)),
    Enable((TITLE,)),
    Enable(()),
    Delete(),
    Release(),
    Keep(),
    Skip("code", "reason"),
]
DECISION = Decision(Kind.USER, "ada", "ada@firm.example", 7, Update((TITLE,)), "app-1")


def test_whatever_is_done_differently_has_another_digest() -> None:
    assert len({replace(DECISION, change=c).digest for c in CHANGES}) == len(CHANGES)
    others = (DECISION, replace(DECISION, kind=Kind.GROUP), replace(DECISION, subject_id="bo"))
    assert len({d.digest for d in (*others, replace(DECISION, app_id="app-2"), replace(DECISION, app_id=None))}) == 5


@pytest.mark.parametrize(
    "why",
    [
        {"name": "somebody"},
        {"seq": 8},
        {"trace": (Step("import", "success", "other"),)},
        {"effects": (Effect("disable"),)},
        {"pending": ("grace",)},
    ],
)
def test_why_it_is_done_is_not_part_of_the_digest(why: dict[str, Any]) -> None:
    assert replace(DECISION, **why).digest == DECISION.digest


def test_a_digest_has_32_hexadecimal_digits() -> None:
    assert len(DECISION.digest) == 32
    assert int(DECISION.digest, 16) >= 0


@LAW
@given(st.permutations(["userName", "displayName", "title", "active"]))
def test_law_the_order_of_attributes_is_not_part_of_the_digest(paths: list[str]) -> None:
    values = {path: path.upper() for path in paths}
    usual = {path: path.upper() for path in sorted(paths)}
    assert replace(DECISION, change=Create(values)).digest == replace(DECISION, change=Create(usual)).digest
    assert replace(DECISION, change=Adopt("a", values)).digest == replace(DECISION, change=Adopt("a", usual)).digest
