"""`instep gallery`: the apps that Instep knows, what they want and take, and which can't be provisioned yet.

Nothing here is about the apps that were added (`instep app`), and no data folder is needed.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli.job import out, print_json, stop
from instep.cli.rules_in_words import in_words, mapping_lines
from instep.cli.showing import number, short

if TYPE_CHECKING:
    from instep.targets.gallery import Template

app = typer.Typer(
    name="gallery",
    no_args_is_help=True,
    add_completion=False,
    help="The apps that Instep knows, and what they want.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list", epilog="Example: instep gallery list --all")
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that can't be provisioned yet, with the reason.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the apps that can be added."""
    from rich.table import Table

    from instep.targets.gallery import PROTOCOLS

    known = _templates()
    shown = [each for each in known if everything or each.provisionable]
    if as_json:
        print_json([_summary(each) for each in shown])
        return
    table = Table("NAME", "APP", "PROTOCOL", "GROUPS", "ACCESS ENDS BY", box=None, pad_edge=False)
    for each in shown:
        if each.provisionable:
            groups = "yes" if each.has_groups else "no"
            table.add_row(each.name, each.display_name, PROTOCOLS[each.protocol], groups, each.ends_by)
    out.print(table)
    missing = [each for each in known if not each.provisionable]
    if not everything:
        out.print(f"{number(len(missing), 'more app')} can't be provisioned yet: `--all` lists them with the reason.")
        return
    out.print("\nNot provisionable yet:")
    table = Table("NAME", "APP", "BECAUSE", box=None, pad_edge=False)
    for each in missing:
        table.add_row(each.name, each.display_name, each.because)
    out.print(table)


@app.command(epilog="Example: instep gallery show miro")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The app's name, as `instep gallery list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show what is known of an app: how to connect, its mappings, how access ends, what else to know."""
    from instep.targets.gallery import GalleryError
    from instep.targets.gallery import template as find

    try:
        found = find(name)
    except GalleryError as wrong:
        stop(str(wrong))
    if as_json:
        print_json(_summary(found) | _details(found))
        return
    out.print(f"{found.name}: {found.display_name}")
    if not found.provisionable:
        out.print(f"Not provisionable yet: {found.because}.")
    out.print("")
    _print_connection(found)
    _print_rules(found)
    if found.to_choose:
        out.print("\nFor an administrator to choose, since there is no usual source:")
        out.print(f"  {', '.join(short(path) for path in found.to_choose)}")
    _print_list("Limits", [str(limit) for limit in found.limits])
    _print_list("Notes", found.notes)
    if found.provenance:
        out.print(f"\nWhere this comes from: {found.provenance}")
    if found.provisionable:
        out.print(f"\nAdd it: instep app add {found.name}{'' if _fixed_url(found) else ' --url URL'}")


def _print_connection(of: "Template") -> None:
    from instep.targets.gallery import PROTOCOLS

    facts = {
        "Protocol": PROTOCOLS[of.protocol],
        "Tenant URL": of.tenant_url,
        **{f"  {{{name}}}": meaning for name, meaning in of.placeholders.items()},
        "Find the URL": of.url_hint,
        "Signs in by": of.signs_in_by,
        "Find the token": of.token_hint,
        "Token lasts": number(of.token_days, "day") if of.token_days else "",
        "Needs": of.prerequisites,
        "Can": ", ".join(of.capabilities),
    }
    width = max(len(name) for name in facts)
    for name, fact in facts.items():
        if fact:
            out.print(f"{name:<{width}}  {fact}")


def _print_rules(of: "Template") -> None:
    from instep.core.rules_document import rules_document

    if not of.rules:
        return
    rules = rules_document(of.rules)
    out.print("")
    for sentence in in_words(rules):
        out.print(f"  {sentence}")
    for title, section in (("Users", rules.users), ("Groups", rules.groups)):
        if not section.enabled:
            continue
        off = [action for action in ("create", "update", "delete") if action not in section.actions]
        without = f" (never: {', '.join(off)})" if off else ""
        out.print(f"\n{title}{without}: attribute in the app, and where it comes from")
        for line in mapping_lines(section.mappings):
            out.print(line)


def _print_list(title: str, items: "list[str] | tuple[str, ...]") -> None:
    if items:
        out.print(f"\n{title}:")
    for item in items:
        out.print(f"  - {item}")


def _templates() -> list["Template"]:
    from instep.targets.gallery import GalleryError, names, template

    try:
        return [template(name) for name in names()]
    except GalleryError as wrong:
        stop(str(wrong))


def _fixed_url(of: "Template") -> bool:
    return bool(of.tenant_url) and not of.placeholders


def _summary(of: "Template") -> dict[str, Any]:
    return {
        "name": of.name,
        "displayName": of.display_name,
        "provisionable": of.provisionable,
        "because": of.because or None,
        "protocol": of.protocol,
        "auth": list(of.auth),
        "groups": of.has_groups,
        "accessEndsBy": of.ends_by or None,
    }


def _details(of: "Template") -> dict[str, Any]:
    import msgspec

    return {
        "tenantUrl": of.tenant_url or None,
        "placeholders": dict(of.placeholders),
        "urlHint": of.url_hint or None,
        "tokenHint": of.token_hint or None,
        "tokenDays": of.token_days or None,
        "prerequisites": of.prerequisites or None,
        "capabilities": list(of.capabilities),
        "roles": [{"id": role.id, "value": role.value, "displayName": role.display_name} for role in of.roles],
        "rules": of.rules or None,
        "toChoose": list(of.to_choose),
        "limits": msgspec.to_builtins(of.limits),
        "abilities": msgspec.to_builtins(of.abilities),
        "notes": list(of.notes),
        "provenance": of.provenance or None,
    }
