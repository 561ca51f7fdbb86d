"""What the commands about people and groups share: the directory opened, and how its entries look.

What can't be done ends the command with one line on standard error, and the exit code for bad usage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from instep.cli.job import out, print_json, settings, stop

if TYPE_CHECKING:
    from instep.core.directory import Entry
    from instep.core.subject import Kind
    from instep.stores.directory import DirectoryStore
    from instep.stores.directory.browser import Browser

T = TypeVar("T")

LISTED = 50
"""How many are listed unless told otherwise."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=0, help=f"How many to list; 0 is all. {LISTED} unless told, all with --json."),
]
User = Annotated[str, typer.Argument(metavar="USER", help="userPrincipalName, id, or a displayName only one has.")]
Users = Annotated[list[str], typer.Argument(metavar="USER", help="userPrincipalNames, ids or displayNames.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's displayName or id.")]


@contextmanager
def open_directory() -> Iterator[DirectoryStore]:
    """The directory's store; ends the command when it can't be opened, or when what's asked can't be done."""
    from instep import wiring
    from instep.directory.lookup import Impossible
    from instep.stores.schema import DatabaseUnavailable

    given = settings()
    try:
        store = wiring.directory(given)
    except DatabaseUnavailable as wrong:
        stop(str(wrong))
    except OSError as wrong:
        stop(f"{given.data} can't be made: {wrong.strerror}")
    try:
        yield store
    except (DatabaseUnavailable, Impossible) as wrong:
        stop(str(wrong))
    finally:
        store.close()


def attributes(texts: Iterable[str]) -> dict[str, Any]:
    """`NAME=TEXT` and `NAME:=JSON` as attributes; an empty text clears one."""
    import json

    given: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip(":"):
            stop(f"{text!r} isn't NAME=VALUE, like jobTitle=Counsel")
        if name.endswith(":"):
            try:
                given[name[:-1]] = json.loads(value)
            except ValueError as wrong:
                stop(f"{text!r}: what comes after := is JSON ({wrong})")
        elif name == "accountEnabled":
            if value.lower() not in ("true", "false"):
                stop(f"accountEnabled is true or false, not {value!r}")
            given[name] = value.lower() == "true"
        else:
            given[name] = value or None
    return given


def each(names: Sequence[str], work: Callable[[str], T], said: Callable[[T], str]) -> None:
    """Do something for each of the names in turn, and say what was done."""
    from instep.cli.showing import plain

    for name in names:
        out.print(plain(said(work(name))))


def listing(kind: Kind, search: str, deleted: bool, limit: int | None, as_json: bool) -> None:
    """List users or groups."""
    from itertools import islice

    from rich.table import Table

    from instep.cli.showing import moment, number, plain
    from instep.core.subject import Kind, Presence
    from instep.directory.exporting import properties
    from instep.directory.lookup import WORD

    presence = Presence.SOFT_DELETED if deleted else Presence.PRESENT
    with open_directory() as store, store.browse() as browser:
        if as_json:
            print_json([properties(e) for e in browser.entries(kind, search, presence, limit or -1)])
            return
        limit = LISTED if limit is None else limit
        found = list(islice(browser.entries(kind, search, presence), limit or None))
        people = kind is Kind.USER
        columns = ("USER", "DISPLAY NAME", "DEPARTMENT", "ACCOUNT") if people else ("GROUP", "ID", "MEMBERS")
        table = Table(*columns, *(("DELETED",) if deleted else ()), box=None, pad_edge=False)
        for entry in found:
            cells = _person(entry) if people else (entry.name, entry.id, f"{len(browser.members(entry.id)):,}")
            table.add_row(*map(plain, cells), *((moment(entry.deleted),) if deleted else ()))
        if found:
            out.print(table)
        total = browser.count(kind, presence)
    shown = number(len(found), WORD[kind])
    if limit and len(found) == limit and total > limit:
        out.print(f"{shown} of {total:,}; --limit 0 shows all", style="dim")
    else:
        out.print(f"{shown}{f' of {total:,}' if search else ''}", style="dim")


def details(browser: Browser, entry: Entry) -> dict[str, Any]:
    """A user or group with everything that's connected to it, for JSON."""
    from instep.core.subject import Kind
    from instep.directory.exporting import properties

    told: dict[str, Any] = {**properties(entry), "sequence": entry.sequence, "source": entry.source or None}
    if entry.kind is Kind.USER:
        manager = browser.entry(Kind.USER, entry.manager) if entry.manager else None
        told["manager"] = {"id": manager.id, "userPrincipalName": manager.name} if manager else None
        told["directReports"] = [{"id": id, "userPrincipalName": name} for id, name in browser.reports(entry.id)]
    else:
        told["members"] = [{"type": k.value, "id": id, "name": name} for k, id, name in browser.members(entry.id)]
    told["memberOf"] = [{"id": id, "displayName": name} for id, name in browser.groups_of(entry.id)]
    told["appRoleAssignments"] = [{"app": a.app, "role": a.role} for a in browser.assignments(principal=entry.id)]
    return told


def show(told: dict[str, Any]) -> None:
    """Print `details` for people: what is connected is named, and lists are cut."""
    from rich.table import Table

    from instep.cli.showing import listed, plain

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in told.items():
        if value is None or value == []:
            continue
        if isinstance(value, list):
            names = [_named(item) for item in value]
            value = f"{listed(names)}" if len(names) < 2 else f"{len(names):,}: {listed(names)}"
        elif isinstance(value, dict):
            value = _named(value)
        table.add_row(plain(name), plain(str(value)))
    out.print(table)


def _named(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    named: dict[str, Any] = item
    if "app" in named:
        from instep.core.subject import DEFAULT_ACCESS

        return f"{named['app']} ({'Default Access' if named['role'] == DEFAULT_ACCESS else named['role']})"
    return str(named.get("userPrincipalName") or named.get("name") or named.get("displayName") or named)


def _person(entry: Entry) -> tuple[str, str, str, str]:
    display, department = entry.attributes.get("displayName"), entry.attributes.get("department")
    return entry.name, str(display or ""), str(department or ""), "" if entry.enabled else "disabled"
