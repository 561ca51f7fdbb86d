"""Ways to lose what gives people access: groups, nesting, assignments and roles."""

from typing import Any

from tests.losses.firm import (
    ASSIGNED,
    GROUPS,
    READER,
    ROLES,
    Firm,
    ruled,
)
from tests.losses.way import NO_GROUPS, way

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind

way("group emptied", "all members are taken out of a group", "held", lambda firm: firm.leave("oncall"))
way("staff emptied", "all groups are taken out of the one that gives access", "held", lambda firm: firm.leave("staff"))
way(
    "edge removed",
    "a nested group is taken out high in the tree",
    "held",
    lambda firm: firm.leave("staff", ["commerce"]),
)
way("nested group deleted", "a nested group is deleted", "held", lambda firm: firm.delete(Kind.GROUP, ["commerce"]))
way(
    "nested group purged",
    "a nested group is deleted for good",
    "held",
    lambda firm: firm.purge(Kind.GROUP, ["sales", "support"]),
)
way("group deleted", "a group of 25 that is in the app is deleted", "held", lambda firm: _delete_group(firm))


def _delete_group(firm: Firm) -> None:
    firm.delete(Kind.GROUP, ["engineering"])


def _recreated(firm: Firm) -> None:
    firm.delete(Kind.GROUP, ["engineering"])

    def change(edit: Any) -> None:
        edit.put(Entry(Kind.GROUP, "engineering-2", "Engineering Department"))
        for member in GROUPS["engineering"]:
            edit.join("engineering-2", Kind.GROUP, member)
            edit.join("staff", Kind.GROUP, "engineering-2")
        edit.assign(Assignment("as-engineering-2", "app", Kind.GROUP, "engineering-2"))

    firm.edit(change)


way("group recreated", "a group is deleted and made again with another name and id", "held", _recreated)
way(
    "all groups deleted",
    "all groups are in the recycle bin",
    "held",
    lambda firm: firm.delete(Kind.GROUP, GROUPS),
    stopped=NO_GROUPS,
)
way("assignment removed", "the group that gives access isn't assigned any more", "held", lambda f: f.unassign("staff"))
way("all unassigned", "nothing is assigned any more", "held", lambda f: f.unassign(*ASSIGNED), stopped=NO_GROUPS)


def _role_changed(firm: Firm) -> None:
    def change(edit: Any) -> None:
        edit.unassign("app", "staff", None)
        edit.assign(Assignment("as-staff-2", "app", Kind.GROUP, "staff", READER))

    firm.edit(change)


way("other role", "everybody's role is another", "untouched", _role_changed)


def _reader_without_access(firm: Firm) -> None:
    _role_changed(firm)
    firm.unassign("engineering", "platform", "product", "leads", "oncall", "choir")


way(
    "role without access",
    "everybody's role is one that gives no account",
    "held",
    _reader_without_access,
    before=ruled(roles=[ROLES[0], {**ROLES[1], "provisions": False}]),
    kind="readers",
    stopped=NO_GROUPS,
)
