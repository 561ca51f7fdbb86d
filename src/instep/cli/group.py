"""`instep group`: the groups and who is in them; a group may hold groups.

Changes reach the apps with their next cycle. Exit codes: 0 done, 2 bad usage.
"""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from instep.cli.people import Group, Json, Limit, attributes, details, each, listing, open_directory

app = typer.Typer(
    name="group",
    no_args_is_help=True,
    add_completion=False,
    help="The groups and their members.",
)

Groups = Annotated[list[str], typer.Argument(metavar="GROUP", help="displayNames or ids.")]
Members = Annotated[list[str], typer.Argument(metavar="MEMBER", help="People; groups with --groups.")]
AreGroups = Annotated[bool, typer.Option("--groups", help="The members are groups themselves.")]


@app.command("list", epilog="Example: instep group list sales")
def list_(
    search: Annotated[str, typer.Argument(metavar="TEXT", help="Part of a name.")] = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="List those that can be restored.")] = False,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """List groups."""
    from instep.core.subject import Kind

    listing(Kind.GROUP, search, deleted, limit, as_json)


@app.command("show", epilog="Example: instep group show Sales")
def show_(group: Group, as_json: Json = False) -> None:
    """Show a group with its direct members, the groups that it's in, and its apps."""
    from instep.cli.job import print_json
    from instep.cli.people import show
    from instep.core.subject import Kind
    from instep.directory.lookup import find

    with open_directory() as store, store.browse() as browser:
        told = details(browser, find(browser, Kind.GROUP, group))
        print_json(told) if as_json else show(told)


@app.command(epilog="Example: instep group add 'Sales Dublin' description='Everyone in the Dublin office'")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The group's displayName.")],
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Attributes.")] = None,
) -> None:
    """Add a group."""
    from instep.directory.editing import add_group

    with open_directory() as store:
        given = attributes(values or ())
        each(
            [name],
            lambda n: add_group(store, n, given, lambda: str(uuid.uuid4())),
            lambda e: f"{e.name} is added ({e.id})",
        )


@app.command(epilog="Example: instep group rename Sales 'Sales & Partners'")
def rename(group: Group, name: Annotated[str, typer.Argument(metavar="NAME", help="The new displayName.")]) -> None:
    """Give a group another name."""
    from instep.core.subject import Kind
    from instep.directory.editing import set_attributes

    with open_directory() as store:
        each(
            [group],
            lambda which: set_attributes(store, Kind.GROUP, which, {"displayName": name}),
            lambda e: f"{group} is called {e.name} now",
        )


@app.command(epilog="Example: instep group delete Sales")
def delete(groups: Groups) -> None:
    """Delete groups. For 30 days they can be restored, with their members."""
    from instep.core.subject import Kind
    from instep.directory import editing

    with open_directory() as store:
        each(
            groups,
            lambda name: editing.delete(store, Kind.GROUP, name, datetime.now(UTC)),
            lambda e: f"{e.name} is deleted; `instep group restore` takes it back within 30 days",
        )


@app.command(epilog="Example: instep group restore Sales")
def restore(groups: Groups) -> None:
    """Take groups back that were deleted."""
    from instep.core.subject import Kind
    from instep.directory import editing

    with open_directory() as store:
        each(groups, lambda name: editing.restore(store, Kind.GROUP, name), lambda e: f"{e.name} is restored")


@app.command("add-member", epilog="Example: instep group add-member Sales anna@contoso.example bob@contoso.example")
def add_member(group: Group, members: Members, groups: AreGroups = False) -> None:
    """Put people, or groups, into a group."""
    from instep.core.subject import Kind
    from instep.directory import membership

    with open_directory() as store:
        each(
            members,
            lambda name: membership.add_member(store, group, Kind.GROUP if groups else Kind.USER, name),
            lambda done: f"{done[1].name} is in {done[0].name}{'' if done[2] else ' already'}",
        )


@app.command("remove-member", epilog="Example: instep group remove-member Sales anna@contoso.example")
def remove_member(group: Group, members: Members, groups: AreGroups = False) -> None:
    """Take people, or groups, out of a group."""
    from instep.core.subject import Kind
    from instep.directory import membership

    with open_directory() as store:
        each(
            members,
            lambda name: membership.remove_member(store, group, Kind.GROUP if groups else Kind.USER, name),
            lambda done: f"{done[1].name} is out of {done[0].name}",
        )
