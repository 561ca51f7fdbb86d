"""`instep directory`: the people. Import them from files, or look after them by hand.

Changes reach the apps with their next cycle. Exit codes: 0 done, 1 an import was refused, 2 bad usage.
"""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from instep.cli.people import Json, Limit, User, Users, attributes, details, each, listing, open_directory

app = typer.Typer(
    name="directory",
    no_args_is_help=True,
    add_completion=False,
    help="The people: import, list, change, delete, export.",
)

Values = Annotated[
    list[str], typer.Argument(metavar="NAME=VALUE", help="Attributes as Graph names them; NAME= clears one.")
]


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


@app.command("import", epilog="Example: instep directory import users.csv groups.csv Sales.csv")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Entra or Google CSV files, or JSON Lines.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="The files are the whole truth: whoever they lack is deleted.")
    ] = False,
    allow_removals: Annotated[
        int | None, typer.Option("--allow-removals", min=0, help="How many --replace may remove, if the guard objects.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="Whose members a list of members holds, if its name doesn't tell.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="What the files are in, if not UTF-8: windows-1252, latin-1.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Under which name to keep them, instead of the format's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import people, groups and memberships from files: all of it, or nothing."""
    from instep.cli.importing import recognised, run

    if allow_removals is not None and not replace:
        raise typer.BadParameter("only --replace removes anybody", param_hint="--allow-removals")
    with open_directory() as store:
        sources = recognised(files, encoding, group)
        run(store, sources, replace=replace, allow_removals=allow_removals, source_name=source, as_json=as_json)


@app.command("list", epilog="Example: instep directory list müller --json")
def list_(
    search: Annotated[str, typer.Argument(metavar="TEXT", help="Part of a name.")] = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="List those who can be restored.")] = False,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """List people."""
    from instep.core.subject import Kind

    listing(Kind.USER, search, deleted, limit, as_json)


@app.command("show", epilog="Example: instep directory show anna@contoso.example")
def show_(who: User, as_json: Json = False) -> None:
    """Show a person with manager, groups and apps."""
    from instep.cli.job import print_json
    from instep.cli.people import show
    from instep.core.subject import Kind
    from instep.directory.lookup import find

    with open_directory() as store, store.browse() as browser:
        told = details(browser, find(browser, Kind.USER, who))
        print_json(told) if as_json else show(told)


@app.command(
    "set", epilog="Example: instep directory set anna@contoso.example surname=Brandt manager=bob@contoso.example"
)
def set_(who: User, values: Values) -> None:
    """Change somebody's attributes. NAME:=JSON sets lists and numbers."""
    from instep.core.subject import Kind
    from instep.directory.editing import set_attributes

    with open_directory() as store:
        given = attributes(values)
        each([who], lambda name: set_attributes(store, Kind.USER, name, given), lambda e: f"{e.name} is changed")


@app.command(epilog="Example: instep directory add anna@contoso.example displayName='Anna Vogt' department=Legal")
def add(
    name: Annotated[str, typer.Argument(metavar="USERPRINCIPALNAME", help="Like anna@contoso.example.")],
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Attributes.")] = None,
) -> None:
    """Add a person."""
    from instep.directory.editing import add_user

    with open_directory() as store:
        given = attributes(values or ())
        each([name], lambda n: add_user(store, n, given, _new_id), lambda e: f"{e.name} is added ({e.id})")


@app.command(epilog="Example: instep directory disable anna@contoso.example")
def disable(who: Users) -> None:
    """Block somebody's sign-in; their apps disable them."""
    _switch(who, False)


@app.command(epilog="Example: instep directory enable anna@contoso.example")
def enable(who: Users) -> None:
    """Allow somebody to sign in again."""
    _switch(who, True)


@app.command(epilog="Example: instep directory delete anna@contoso.example")
def delete(who: Users) -> None:
    """Delete people. For 30 days they can be restored."""
    from instep.core.subject import Kind
    from instep.directory import editing

    with open_directory() as store:
        each(
            who,
            lambda name: editing.delete(store, Kind.USER, name, _now()),
            lambda e: f"{e.name} is deleted; `instep directory restore` takes them back within 30 days",
        )


@app.command(epilog="Example: instep directory restore anna@contoso.example")
def restore(who: Users) -> None:
    """Take people back who were deleted."""
    from instep.core.subject import Kind
    from instep.directory import editing

    with open_directory() as store:
        each(who, lambda name: editing.restore(store, Kind.USER, name), lambda e: f"{e.name} is restored")


@app.command(epilog="Example: instep directory purge --expired")
def purge(
    who: Annotated[list[str] | None, typer.Argument(metavar="USER", help="Deleted people.")] = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="All people and groups that were deleted 30 days ago or earlier.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask whether that's meant.")] = False,
) -> None:
    """Delete people for good, who were deleted before. Apps delete them as well."""
    from instep.cli.job import confirmed, out, stop
    from instep.core.subject import Kind
    from instep.directory import editing

    if bool(who) == expired:
        stop("name the people to purge, or give --expired")
    with open_directory() as store:
        if expired:
            out.print(f"{editing.purge_expired(store, _now()):,} people and groups are purged")
            return
        names = who or []
        if not yes and not confirmed(f"Delete {', '.join(names)} for good? Nobody can take that back.", "--yes"):
            stop("nobody was purged")
        each(names, lambda name: editing.purge(store, Kind.USER, name), lambda e: f"{e.name} is deleted for good")


@app.command(epilog="Example: instep directory export --output directory.jsonl")
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; standard output if left out.")
    ] = None,
    format: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="jsonl can be imported again; csv is for spreadsheets.")
    ] = "jsonl",
    groups: Annotated[bool, typer.Option("--groups", help="With csv: the groups instead of the people.")] = False,
) -> None:
    """Write down the whole directory, or a table of people or groups."""
    import sys
    from contextlib import nullcontext

    from instep.cli.job import err, stop
    from instep.core.subject import Kind
    from instep.directory.exporting import json_lines, table

    if groups and format != "csv":
        stop("jsonl holds people and groups; --groups goes with --format csv")
    try:
        target = output.open("w", encoding="utf-8", newline="") if output else nullcontext(sys.stdout)
    except OSError as wrong:
        stop(f"{output} can't be written: {wrong.strerror}")
    with open_directory() as store, store.browse() as browser, target as out:
        if format == "csv":
            table(browser, Kind.GROUP if groups else Kind.USER, out)
        else:
            out.writelines(json_lines(browser))
    if output:
        err.print(f"{output} is written")


@app.command(epilog="Example: instep directory generate --users 10000 --groups 200 --memberships 40000 --seed 7")
def generate(
    users: Annotated[int, typer.Option("--users", min=0, help="How many people.")],
    groups: Annotated[int, typer.Option("--groups", min=0, help="How many groups.")] = 0,
    memberships: Annotated[int, typer.Option("--memberships", min=0, help="How many memberships.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same company.")] = 1,
    domain: Annotated[str, typer.Option("--domain", help="Of their userPrincipalNames.")] = "example.com",
    as_json: Json = False,
) -> None:
    """Make up a company: people with names in many scripts, managers, groups."""
    from instep.cli.importing import run
    from instep.cli.job import stop
    from instep.directory.generate import Company

    try:
        company = Company(users, groups, memberships, seed, domain)
    except ValueError as wrong:
        stop(str(wrong))
    with open_directory() as store:
        run(store, [company], as_json=as_json)


def _switch(who: list[str], enabled: bool) -> None:
    from instep.core.subject import Kind
    from instep.directory.editing import set_attributes

    with open_directory() as store:
        each(
            who,
            lambda name: set_attributes(store, Kind.USER, name, {"accountEnabled": enabled}),
            lambda e: f"{e.name} is {'enabled' if e.enabled else 'disabled'}",
        )
