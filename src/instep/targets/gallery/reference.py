"""The reference page of the gallery, made from its files.

`python -m instep.targets.gallery.reference > docs/reference/gallery.md` writes it anew; a test holds the page that is
kept in the repository equal to what this makes. What the keys of a file mean is in docs/reference/gallery-format.md.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from instep.core.rules_document import MappingRow, ObjectDocument, rules_document
from instep.targets.gallery import names, template
from instep.targets.gallery.templates import PROTOCOLS, Template

_INTRODUCTION: Final = """\
# The gallery

The apps that Instep knows. This page is made from the gallery's files; `instep gallery list` and `instep gallery show`
tell the same in a terminal, and [the format of a gallery file](gallery-format.md) says how to add an app. Any other app
that speaks SCIM 2.0 and takes a bearer token is added as `scim`.

A file is where a new app begins. Its mappings, scope and way of ending access become the app's own rules, which an
administrator may change. Most vendors publish which attributes they take, and not where the values come from: where
nothing else is said, the sources are those that a directory's default mapping uses. Each app says where its facts come
from. None of this is tested against the vendors' live services; `instep app test` and `instep plan` are, against yours.
"""


def page() -> str:
    """The page, in Markdown."""
    known = [template(name) for name in names()]
    ready = [each for each in known if each.provisionable]
    missing = [each for each in known if not each.provisionable]
    parts = [_INTRODUCTION, *_ready(ready), *_missing(missing), "## The apps\n"]
    for each in known:
        parts += _app(each)
    return "\n".join(parts)


def _ready(known: Iterable[Template]) -> Iterator[str]:
    yield "## What can be added\n"
    yield "| name | app | users' attributes | groups | access ends by | limits |\n| --- | --- | --- | --- | --- | --- |"
    for each in known:
        rows = len(each.rules["users"]["mappings"])
        groups, limits = "yes" if each.has_groups else "no", "published" if each.limits else ""
        yield f"| {_link(each)} | {each.display_name} | {rows} | {groups} | `{each.ends_by}` | {limits} |"
    yield ""


def _missing(known: Iterable[Template]) -> Iterator[str]:
    yield "## What can't be provisioned yet\n"
    yield "| name | app | protocol | because |\n| --- | --- | --- | --- |"
    for each in known:
        yield f"| {_link(each)} | {each.display_name} | {PROTOCOLS[each.protocol]} | {each.because} |"
    yield ""


def _link(to: Template) -> str:
    return f"[`{to.name}`](#{to.name})"


def _app(of: Template) -> Iterator[str]:
    yield f"### {of.name}\n"
    yield f"**{of.display_name}.** Through {PROTOCOLS[of.protocol]}, signing in by {of.signs_in_by}.\n"
    if not of.provisionable:
        yield f"Not provisionable yet: {of.because}.\n"
    yield from _connection(of)
    yield from _rules(of)
    if of.to_choose:
        yield f"For an administrator to choose, since there is no usual source: {_code(of.to_choose)}.\n"
    if of.limits:
        yield f"It takes {'; '.join(map(str, of.limits))}.\n"
    yield from (f"- {note}" for note in of.notes)
    if of.notes:
        yield ""
    if of.provenance:
        yield f"*{of.provenance}*\n"


def _connection(of: Template) -> Iterator[str]:
    if of.prerequisites:
        yield f"- needs: {of.prerequisites}"
    if of.tenant_url:
        yield f"- tenant URL: `{of.tenant_url}`"
    yield from (f"  - `{{{name}}}`: {meaning}" for name, meaning in of.placeholders.items())
    if of.url_hint:
        yield f"- where the URL is: {of.url_hint}"
    if of.token_hint:
        lasts = f"; it ends after {of.token_days} days" if of.token_days else ""
        yield f"- where the token is: {of.token_hint}{lasts}"
    if of.capabilities:
        yield f"- can: {', '.join(of.capabilities)}"
    if of.ends_by:
        yield f"- access ends by: `{of.ends_by}`"
    if of.roles:
        yield f"- roles: {_code(role.display_name for role in of.roles)}; Default Access doesn't entitle"
    yield ""


def _rules(of: Template) -> Iterator[str]:
    if not of.rules:
        return
    rules = rules_document(of.rules)
    yield from _section("Users", rules.users)
    if rules.groups.enabled:
        yield from _section("Groups", rules.groups)


def _section(title: str, section: ObjectDocument) -> Iterator[str]:
    off = [action for action in ("create", "update", "delete") if action not in section.actions]
    if off:
        yield f"{title} are never {' or '.join(f'{action}d' for action in off)}.\n"
    yield f"| {title.lower()}' attribute | comes from | |\n| --- | --- | --- |"
    yield from map(_row, section.mappings)
    if section.members:
        yield "| `members` | the group's members | |"
    yield ""


def _row(row: MappingRow) -> str:
    remarks = [f"matching {row.matching}"] * bool(row.matching) + ["required"] * row.required
    remarks += ["on creation only"] * (row.flow == "create") + ["another person's account"] * row.reference
    return f"| `{row.target}` | `{row.source}` | {', '.join(remarks)} |"


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.stdout.write(page())
