"""Rules in words, for the commands that show them; and options laid over a rules document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from instep.cli.showing import plain, short
from instep.core.rules_document import KindsDocument

if TYPE_CHECKING:
    from instep.core.rules_document import FilterDocument, KindLimitsDocument, MappingRow, RulesDocument


def in_words(rules: "RulesDocument") -> list[str]:
    """The rules of who is provisioned and how access ends, as sentences."""
    nested = {
        "descendants": "Everyone below an assigned group is in scope, through groups in groups too.",
        "direct": "Only the direct members of an assigned group are in scope; groups in groups don't count.",
    }
    members = {
        "flattened": "A group's members in the app are all people below it.",
        "direct": "A group's members in the app are its direct members, people and groups.",
    }
    said = [
        "Everyone in the directory is in scope."
        if rules.scope == "all"
        else "People and groups that are assigned are in scope."
    ]
    if rules.scope == "assigned":
        said.append(nested[rules.nesting.scope])
        entitles = "entitles" if rules.default_access else "doesn't entitle"
        said.append(f"Default Access {entitles} to an account.")
    if rules.roles:
        said.append(
            "Roles: "
            + ", ".join(f"{r.display_name}{'' if r.provisions else ' (no account)'}" for r in rules.roles)
            + "."
        )
    for what, section in (("People", rules.users), ("Groups", rules.groups)):
        names = " or ".join(f"{each.name} ({_clauses(each)})" for each in section.filters)
        if names:
            said.append(plain(f"{what} must pass a scoping filter: {names}."))
    if not rules.groups.enabled:
        said.append("Groups aren't provisioned.")
    elif rules.groups.members:
        said.append(members[rules.nesting.members])
    ends = "disabling the account (active=false)" if rules.ending.by == "disable" else "deleting the account"
    said.append(f"Access ends by {ends}.")
    if rules.ending.by == "disable" and rules.ending.delete_when_purged:
        said.append("Who is deleted for good in the directory is deleted in the app.")
    if rules.skip_out_of_scope_deletions:
        said.append("Leaving scope sends nothing: the account stays as it is.")
    if rules.authoritative_members:
        said.append("Members that somebody else put into a group are taken out.")
    guard = rules.guard
    said.append(
        f"The guard holds more than {guard.cycle_count} ends of access (or {guard.cycle_share:.0%} of the people) in a "
        f"cycle, {guard.day_count} ({guard.day_share:.0%}) in a day, and half or more at once."
    )
    for kind in KindsDocument.__struct_fields__ if guard.kinds else ():
        if limits := getattr(guard.kinds, kind):
            said.append(f"Its limits for {kind.replace('_', '-')}: {_own(limits)}.")
    if protected := rules.protected and (*rules.protected.people, *rules.protected.accounts):
        said.append(plain(f"Protected, and never touched: {', '.join(protected)}."))
    return said


def _own(limits: "KindLimitsDocument") -> str:
    given = msgspec.structs.asdict(limits)
    return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def _clauses(of: "FilterDocument") -> str:
    return " and ".join(" ".join(p for p in (c.attribute, c.operator, c.value) if p is not None) for c in of.clauses)


def mapping_lines(rows: "Sequence[MappingRow]") -> Iterator[str]:
    """The attribute mappings, a line each: attribute in the app, source, what else is said of it."""
    width = max((len(short(row.target)) for row in rows), default=0)
    for row in rows:
        notes = [
            f"matching {row.matching}" if row.matching else "",
            "required" if row.required else "",
            "on creation only" if row.flow == "create" else "",
            "reference" if row.reference else "",
            f"default {row.default!r}" if row.default is not None else "",
        ]
        said = ", ".join(note for note in notes if note)
        yield plain(f"  {short(row.target):<{width}}  {row.source}" + (f"  ({said})" if said else ""))


def ruled(
    rules: Mapping[str, Any],
    scope: str | None,
    nested_scope: str | None,
    nested_members: str | None,
    default_access: bool | None,
) -> dict[str, Any]:
    """The rules document with what the options say laid over it."""
    nesting = dict(rules.get("nesting") or {})
    nesting |= {k: v for k, v in (("scope", nested_scope), ("members", nested_members)) if v is not None}
    given = {"scope": scope, "default_access": default_access, "nesting": nesting or None}
    return {**rules, **{key: value for key, value in given.items() if value is not None}}
