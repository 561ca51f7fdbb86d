"""`instep assign`, `unassign`, `assignments`: who gets which app, with which role.

A role is named as the app's page shows it, by value or by id; without one it's Default Access. Exit codes: 0 done,
2 bad usage.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.job import find_app, out, print_json, settings, stop
from instep.cli.people import Json, open_directory

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.core.subject import Kind

AppName = Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")]
WhichUser = Annotated[str | None, typer.Option("--user", help="userPrincipalName, id or displayName.")]
WhichGroup = Annotated[str | None, typer.Option("--group", help="The group's displayName or id.")]
Role = Annotated[str | None, typer.Option("--role", help="The app role's name.")]


def assign(app: AppName, user: WhichUser = None, group: WhichGroup = None, role: Role = None) -> None:
    """Give an app to a user or a group: they're provisioned to it with the next cycle."""
    from instep.cli.showing import plain
    from instep.core.subject import DEFAULT_ACCESS
    from instep.directory import membership

    known = _app(app)
    role_id = DEFAULT_ACCESS if role is None else _role_id(known, role)
    with open_directory() as store:
        kind, who = _principal(user, group)
        entry, new = membership.assign(store, app, kind, who, lambda: str(uuid.uuid4()), role_id)
    has = "has" if new else "has already"
    out.print(plain(f"{entry.name} {has} {known.display_name} ({_role_name(known, role_id)})"))
    if role is None and known.roles and not known.rules.get("default_access", True):
        names = ", ".join(r.display_name for r in known.roles if r.provisions)
        out.print(f"Default Access gives no account in this app; --role is one of: {names}")


def unassign(app: AppName, user: WhichUser = None, group: WhichGroup = None, role: Role = None) -> None:
    """Take an app away from a user or a group: one role, or all of them."""
    from instep.cli.showing import number, plain
    from instep.directory import membership

    known = _app(app)
    role_id = None if role is None else _role_id(known, role)
    with open_directory() as store:
        kind, who = _principal(user, group)
        entry, ended = membership.unassign(store, app, kind, who, role_id)
    out.print(plain(f"{entry.name} is unassigned from {known.display_name} ({number(ended, 'assignment')} ended)"))


def assignments(app: AppName, as_json: Json = False) -> None:
    """List who has an app, and with which role."""
    from rich.table import Table

    from instep.cli.showing import plain

    known = _app(app)
    with open_directory() as store, store.browse() as browser:
        rows = [(a, browser.entry(a.kind, a.principal)) for a in browser.assignments(app)]
    if as_json:
        told = [
            {
                "id": a.id,
                "principalType": a.kind.value,
                "principalId": a.principal,
                "principalDisplayName": entry.name if entry else None,
                "appRoleId": a.role,
                "role": _role_name(known, a.role),
            }
            for a, entry in rows
        ]
        print_json(told)
        return
    if not rows:
        out.print(f"Nobody has {known.display_name} yet: instep assign {app} --group GROUP")
        return
    table = Table("TYPE", "WHO", "ROLE", box=None, pad_edge=False)
    for a, entry in rows:
        deleted = entry is not None and entry.deleted is not None
        name = f"{entry.name if entry else a.principal}{' (deleted)' if deleted else ''}"
        table.add_row(a.kind.lower(), plain(name), plain(_role_name(known, a.role)))
    out.print(table)


def _app(name: str) -> App:
    """The app with that name, with its roles; ends the command when there is none."""
    from instep import wiring
    from instep.stores.schema import DatabaseUnavailable

    given = settings()
    if not (given.data / "state.sqlite").exists():
        stop(f"there are no apps in {given.data}; `instep app add` makes one, INSTEP_DATA names another folder")
    try:
        state = wiring.state(given)
        try:
            return find_app(state, name)
        finally:
            state.close()
    except DatabaseUnavailable as wrong:
        stop(str(wrong))


def _principal(user: str | None, group: str | None) -> tuple[Kind, str]:
    from instep.core.subject import Kind

    if (user is None) == (group is None):
        stop("name a user with --user, or a group with --group")
    return (Kind.USER, user) if user is not None else (Kind.GROUP, group or "")


def _role_id(app: App, name: str) -> str:
    from instep.core.subject import DEFAULT_ACCESS

    if name.casefold() == "default access":
        return DEFAULT_ACCESS
    means = name.casefold()
    found = [r.id for r in app.roles if means in (r.display_name.casefold(), r.value.casefold(), r.id.casefold())]
    if not found:
        roles = ", ".join(role.display_name for role in app.roles) or "none but Default Access"
        stop(f"{app.display_name} has no role {name!r}; it has: {roles}")
    return found[0]


def _role_name(app: App, role: str) -> str:
    from instep.core.subject import DEFAULT_ACCESS

    if role == DEFAULT_ACCESS:
        return "Default Access"
    return next((known.display_name for known in app.roles if known.id == role), role)
