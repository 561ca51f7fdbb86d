"""`instep app`: the apps that get provisioned: look at, test and remove them; `app_changes` adds and changes them.

The secret is never shown. Whether an app does what is asked of it is seen by `instep plan` and `instep sync`.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import job as opening
from instep.cli.app_changes import Name, add, set_
from instep.cli.job import RUNNING, UNAVAILABLE, open_job, open_stores, out, stop
from instep.cli.rules_in_words import in_words, mapping_lines
from instep.cli.showing import plain, worker

if TYPE_CHECKING:
    from instep.core.app import App, Credentials

app = typer.Typer(
    name="app",
    no_args_is_help=True,
    add_completion=False,
    help="The apps that get provisioned: add, test, show, remove.",
)
app.command(epilog="Example: instep app add mixpanel --token-file mixpanel.token")(add)
app.command("set", epilog="Example: instep app set mixpanel --scope all")(set_)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    """Show an app: its settings and rules in words, roles and attribute mappings. The secret is never shown."""
    from instep.core.rules_document import rules_document

    with open_job(name) as opened, opened.state.reading() as reader:
        known = opened.job.app
        has_token = reader.token(name) is not None
    if as_json:
        opening.print_json(_summary(known) | {"token": "kept" if has_token else "missing", "rules": known.rules})
        return
    rules = rules_document(known.rules)
    out.print(f"{known.name}: {known.display_name}\n{known.tenant_url}")
    for line in _credentials_in_words(known.credentials):
        out.print(plain(line))
    out.print(f"Token: {'kept, encrypted' if has_token else f'missing: instep app set {name} --token-file FILE'}\n")
    for sentence in _settings_in_words(known):
        out.print(plain(f"  {sentence}"))
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


def _credentials_in_words(of: "Credentials") -> list[str]:
    said: list[str] = []
    if of.kind == "client_credentials":
        scope = f", scope {of.scope}" if of.scope else ""
        said.append(f"OAuth 2.0 client credentials: {of.client_id} at {of.token_url}{scope}; the token is its secret")
    if of.expires:
        said.append(f"The token ends on {of.expires:%Y-%m-%d}")
    return said


def _settings_in_words(of: "App") -> list[str]:
    told = of.notifications
    audit = "isn't audited" if of.audit.policy == "off" else f"is audited every {of.audit.every_hours} h"
    policy = {"ignore": "taken as it is", "report": "reported", "repair": "set right"}.get(of.audit.policy)
    return [
        f"Its job runs every {of.interval_minutes} min; it {audit}"
        + (f", and what others changed is {policy}." if policy else "."),
        f"It counts as unhealthy from {of.quarantine.failures} failures and {of.quarantine.share:.0%} of a cycle on.",
        f"Mails go to {', '.join(told.addresses)}{', also of failures' if told.on_failure else ''}."
        if told.addresses
        else "Nobody is told by mail.",
    ]


def _summary(of: "App") -> dict[str, Any]:
    return {
        "name": of.name,
        "displayName": of.display_name,
        "template": of.template,
        "tenantUrl": of.tenant_url,
        "scope": of.rules.get("scope", "assigned"),
        "credentials": {
            "kind": of.credentials.kind,
            "tokenUrl": of.credentials.token_url or None,
            "clientId": of.credentials.client_id or None,
            "scope": of.credentials.scope or None,
            "expires": of.credentials.expires.isoformat() if of.credentials.expires else None,
        },
        "intervalMinutes": of.interval_minutes,
        "audit": {"policy": of.audit.policy, "everyHours": of.audit.every_hours},
        "quarantine": {"failures": of.quarantine.failures, "share": of.quarantine.share},
        "notifications": {"addresses": list(of.notifications.addresses), "onFailure": of.notifications.on_failure},
        "roles": [
            {"id": r.id, "value": r.value, "displayName": r.display_name, "provisions": r.provisions} for r in of.roles
        ],
    }
