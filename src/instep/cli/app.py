"""`instep app`: the apps that get provisioned: add, change, look at, test and remove them.

What an app's template says comes from the gallery. The token goes into the store encrypted, and is never shown.
Whether an app does what is asked of it is seen by `instep plan` and `instep sync`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from instep.cli import job as opening
from instep.cli.job import RUNNING, UNAVAILABLE, open_job, open_stores, out, stop
from instep.cli.rules_in_words import in_words, mapping_lines, ruled
from instep.cli.showing import plain, worker
from instep.cli.token import read_token

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.targets.gallery import Template

app = typer.Typer(name="app", no_args_is_help=True, help="The apps that get provisioned: add, test, show, remove.")


AuditPolicy = Literal["off", "ignore", "report", "repair"]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The app's name, as `instep app list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="The tenant URL: the app's SCIM base URL.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="The file that holds the app's secret token.")
]
TokenEnv = Annotated[
    str | None, typer.Option("--token-env", metavar="VAR", help="The environment variable that holds the token.")
]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="-", help="`-` reads the token from standard input.", show_default=False),
]
Scope = Annotated[
    Literal["assigned", "all"] | None,
    typer.Option("--scope", help="Who is provisioned: people and groups that are assigned, or everyone."),
]
NestedScope = Annotated[
    Literal["descendants", "direct"] | None,
    typer.Option("--nested-scope", help="Who comes into scope by an assigned group: everyone below, or its members."),
]
NestedMembers = Annotated[
    Literal["flattened", "direct"] | None,
    typer.Option("--nested-members", help="A group's members in the app: the people below it, or its direct members."),
]
DefaultAccess = Annotated[
    bool | None,
    typer.Option(
        "--include-default-access/--exclude-default-access",
        help="Whether people who only hold Default Access are provisioned.",
        show_default=False,
    ),
]


@app.command(epilog="Example: instep app add mixpanel --token-file mixpanel.token")
def add(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="An app of the gallery; `scim` for any other.")],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it here; the template's name if left out.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    token: Token = None,
    scope: Scope = None,
    nested_scope: NestedScope = None,
    nested_members: NestedMembers = None,
    default_access: DefaultAccess = None,
) -> None:
    """Add an app from the gallery, or any app that speaks SCIM 2.0 (`scim`)."""
    from instep.core.app import App
    from instep.documents.app_document import NAME
    from instep.targets.gallery import GalleryError
    from instep.targets.gallery import template as find

    try:
        found = find(template)
    except GalleryError as wrong:
        stop(str(wrong))
    if not found.provisionable:
        stop(f"{found.display_name} isn't provisionable yet: {found.because}")
    name = name or found.name
    if not NAME.fullmatch(name):
        stop(f"{name!r} can't be a name: use lower-case letters, digits, dots, dashes; `--name sales-crm`")
    rules = ruled(found.rules, scope, nested_scope, nested_members, default_access)
    made = App(name, found.display_name, found.name, _address(url or "", found), rules, found.roles)
    _refuse_taken(name)
    secret = read_token(token_file, token_env, token, found.token_hint)
    with open_stores() as (_, _, state), state.writing() as writer:
        if writer.app(name):
            stop(_taken(name))
        writer.save_app(made, secret)
    out.print(f"{found.display_name} is added as {name}: {made.tenant_url}")
    if found.prerequisites:
        out.print(f"It needs: {found.prerequisites}.")
    assign = "" if rules["scope"] == "all" else f"  instep assign {name} --group GROUP   who gets it\n"
    out.print(f"Next:\n  instep app test {name}\n{assign}  instep plan {name}      what the first cycle would do")


@app.command("set", epilog="Example: instep app set mixpanel --scope all")
def set_(
    name: Name,
    url: Url = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    token: Token = None,
    scope: Scope = None,
    nested_scope: NestedScope = None,
    nested_members: NestedMembers = None,
    default_access: DefaultAccess = None,
    audit: Annotated[
        AuditPolicy | None,
        typer.Option("--audit", help="What is done about what others change in the app; `off` doesn't look."),
    ] = None,
    audit_hours: Annotated[
        int | None, typer.Option("--audit-hours", min=1, help="Hours between two audits by the service.")
    ] = None,
) -> None:
    """Change an app's URL, token, audit, or the rules of who is provisioned."""
    import msgspec

    from instep.core.app import Audit
    from instep.targets.gallery import template as find

    gives_token = token_file is not None or token_env is not None or token is not None
    with open_job(name) as opened:
        known = opened.job.app
        rules = ruled(known.rules, scope, nested_scope, nested_members, default_access)
        audited = Audit(audit or known.audit.policy, audit_hours or known.audit.every_hours)
        changed = msgspec.structs.replace(
            known, rules=rules, tenant_url=_address(url, None) if url else known.tenant_url, audit=audited
        )
        if changed == known and not gives_token:
            stop(f"nothing to change: {name} is like that already, or no option was given (see --help)")
        if _host(changed) != _host(known) and not gives_token:
            stop(
                f"the token that is kept was made for {_host(known)}; give {_host(changed)}'s as well, by --token-file"
            )
        hint = find(known.template).token_hint
        secret = read_token(token_file, token_env, token, hint) if gives_token else None
        with opened.state.writing() as writer:
            writer.save_app(changed, secret)
            links = sum(writer.counts(name).values())
    out.print(f"{name} is changed.")
    if changed.rules != known.rules:
        out.print(f"The next cycle looks at everyone again: `instep plan {name}` shows what it would do.")
    if changed.tenant_url != known.tenant_url and links:
        out.print(
            f"{links:,} people and groups stay linked to the accounts they had. If {changed.tenant_url} is another "
            "tenant and not the same one at a new address, remove this app and add it anew."
        )


@app.command("list", epilog="Example: instep app list --json")
def list_(as_json: Json = False) -> None:
    """List the apps."""
    from rich.table import Table

    with open_stores() as (_, _, state), state.reading() as reader:
        apps = reader.apps()
    if as_json:
        opening.print_json([_summary(each) for each in apps])
        return
    if not apps:
        out.print("There are no apps yet: `instep app add mixpanel` adds the first.")
        return
    table = Table("NAME", "APP", "SCOPE", "TENANT URL", box=None, pad_edge=False)
    for each in apps:
        table.add_row(each.name, each.display_name, str(each.rules.get("scope", "assigned")), each.tenant_url)
    out.print(table)


@app.command(epilog="Example: instep app show mixpanel")
def show(name: Name, as_json: Json = False) -> None:
    """Show an app: its rules in words, roles and attribute mappings. The token is never shown."""
    from instep.core.rules_document import rules_document

    with open_job(name) as opened, opened.state.reading() as reader:
        known = opened.job.app
        has_token = reader.token(name) is not None
    if as_json:
        opening.print_json(_summary(known) | {"token": "kept" if has_token else "missing", "rules": known.rules})
        return
    rules = rules_document(known.rules)
    out.print(f"{known.name}: {known.display_name}\n{known.tenant_url}")
    out.print(f"Token: {'kept, encrypted' if has_token else f'missing: instep app set {name} --token-file FILE'}\n")
    for sentence in in_words(rules):
        out.print(f"  {sentence}")
    for title, section in (("Users", rules.users), ("Groups", rules.groups)):
        if section.enabled:
            out.print(f"\n{title}: attribute in the app, and where it comes from")
            for line in mapping_lines(section.mappings):
                out.print(line)


@app.command(epilog="Example: instep app test mixpanel")
def test(name: Name) -> None:
    """Test the connection: look up somebody who doesn't exist. Exit code 3 when the app refuses or is out of reach."""
    import asyncio
    import time

    from instep import wiring
    from instep.engine.sending import test_connection
    from instep.ports import AppUnavailable

    async def ask() -> int:
        async with wiring.target(opened.settings, opened.state, opened.job.app) as target:
            await test_connection(opened.job, target)
            return target.requests

    with open_job(name) as opened:
        opening.require_token(opened)
        asked = [
            f"a {of.kind.lower()} by {of.matching[0].target}"
            for of in (opened.job.rules.users, opened.job.rules.groups)
            if of.enabled
        ]
        began = time.monotonic()
        try:
            requests = asyncio.run(ask())
        except AppUnavailable as refused:
            stop(plain(str(refused)), UNAVAILABLE)
    took = time.monotonic() - began
    out.print(
        f"{name} works: asked for {' and '.join(asked)} that nobody has, it answered as it should "
        f"({requests} requests, {took:.1f} s)."
    )


@app.command(epilog="Example: instep app remove mixpanel --yes")
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask whether that's meant.")] = False
) -> None:
    """Remove an app from Instep. In the app itself nothing changes: accounts stay as they are."""
    from datetime import UTC, datetime

    from instep.engine.world import is_dead

    with open_job(name) as opened:
        with opened.state.reading() as reader:
            links, lease = sum(reader.counts(name).values()), reader.lease(name)
        if lease and lease.until > datetime.now(UTC) and not is_dead(lease.owner):
            stop(f"{name} is being synchronised by {worker(lease.owner)}; wait for its end or stop it first", RUNNING)
        question = f"Remove {name}, and with it what is known of {links:,} accounts and groups in it?"
        if not yes and not opening.confirmed(question, "--yes"):
            stop("nothing was removed")
        with opened.directory.edit() as editor:
            given = editor.assignments(app=name)
            for principal in {assignment.principal for assignment in given}:
                editor.unassign(name, principal, None)
        with opened.state.writing() as writer:
            writer.remove_app(name)
    out.print(f"{name} is removed, with {len(given):,} assignments. In the app nothing changed; the log stays.")


def _address(url: str, template: "Template | None") -> str:
    """The tenant URL that was given, or the template's; ends the command when there's none that can be used."""
    from instep.targets.address import TenantUrlError, tenant_url
    from instep.targets.gallery import placeholders

    if not url and template:
        url = template.tenant_url
        if not url:
            stop(
                f"{template.display_name} has a tenant URL for each customer; give yours by --url ({template.url_hint})"
            )
    if unfilled := placeholders(url):
        meanings = template.placeholders if template else {}
        said = "; ".join(f"{{{each}}}: {meanings[each]}" if each in meanings else f"{{{each}}}" for each in unfilled)
        stop(f"the tenant URL has places to be filled in: {url} ({said}); give yours by --url")
    try:
        tenant_url(url)
    except TenantUrlError as wrong:
        stop(str(wrong))
    return url.strip()


def _host(of: "App") -> str:
    from urllib.parse import urlsplit

    return urlsplit(of.tenant_url).hostname or ""


def _refuse_taken(name: str) -> None:
    """Says so before a token is asked for."""
    with open_stores() as (_, _, state), state.reading() as reader:
        if reader.app(name):
            stop(_taken(name))


def _taken(name: str) -> str:
    return f"there's an app {name} already; `instep app set` changes it, `--name` calls this one something else"


def _summary(of: "App") -> dict[str, Any]:
    return {
        "name": of.name,
        "displayName": of.display_name,
        "template": of.template,
        "tenantUrl": of.tenant_url,
        "scope": of.rules.get("scope", "assigned"),
        "roles": [
            {"id": r.id, "value": r.value, "displayName": r.display_name, "provisions": r.provisions} for r in of.roles
        ],
    }
