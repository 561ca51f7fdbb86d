"""`instep app add` and `instep app set`: apps are added, and what an administrator decided about them is changed.

What an app's template says comes from the gallery. The secret goes into the store encrypted, and is never shown. What
each option says is in `app_options`.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.app_options import (
    AuditHours,
    AuditPolicy,
    ByBearer,
    ClientId,
    DefaultAccess,
    Interval,
    NestedMembers,
    NestedScope,
    Notify,
    NotifyOnFailure,
    OAuthScope,
    OAuthTokenUrl,
    QuarantineFailures,
    QuarantineShare,
    Scope,
    Token,
    TokenEnv,
    TokenExpires,
    TokenFile,
    Url,
    address,
    credentials,
    notifications,
    stranger,
    until,
)
from instep.cli.job import open_job, open_stores, out, stop
from instep.cli.rules_in_words import ruled
from instep.cli.token import read_token

if TYPE_CHECKING:
    from instep.core.app import App

Name = Annotated[str, typer.Argument(metavar="NAME", help="The app's name, as `instep app list` shows it.")]


def add(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="An app of the gallery; `scim` for any other.")],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it here; the template's name if left out.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    token: Token = None,
    token_expires: TokenExpires = None,
    oauth_token_url: OAuthTokenUrl = None,
    client_id: ClientId = None,
    oauth_scope: OAuthScope = None,
    scope: Scope = None,
    nested_scope: NestedScope = None,
    nested_members: NestedMembers = None,
    default_access: DefaultAccess = None,
) -> None:
    """Add an app from the gallery, or any app that speaks SCIM 2.0 (`scim`)."""
    from instep.core.app import App, Credentials
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
    tenant = address(url or "", found)
    known = until(
        credentials(Credentials(), oauth_token_url, client_id, oauth_scope, False), token_expires, None, found
    )
    _refuse_taken(name)
    secret = read_token(token_file, token_env, token, found.token_hint)
    ending = until(known, token_expires, secret, found)
    made = App(name, found.display_name, found.name, tenant, rules, found.roles, credentials=ending)
    with open_stores() as (_, _, state), state.writing() as writer:
        if writer.app(name):
            stop(_taken(name))
        writer.save_app(made, secret)
    out.print(f"{found.display_name} is added as {name}: {made.tenant_url}")
    _say_end(made, token_expires)
    if found.prerequisites:
        out.print(f"It needs: {found.prerequisites}.")
    assign = "" if rules["scope"] == "all" else f"  instep assign {name} --group GROUP   who gets it\n"
    out.print(f"Next:\n  instep app test {name}\n{assign}  instep plan {name}      what the first cycle would do")
    out.print(f"  instep sync {name}      does it; or instep start {name}, for `instep serve` to keep it in step")


def set_(
    name: Name,
    url: Url = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    token: Token = None,
    token_expires: TokenExpires = None,
    oauth_token_url: OAuthTokenUrl = None,
    client_id: ClientId = None,
    oauth_scope: OAuthScope = None,
    by_bearer: ByBearer = False,
    scope: Scope = None,
    nested_scope: NestedScope = None,
    nested_members: NestedMembers = None,
    default_access: DefaultAccess = None,
    interval: Interval = None,
    notify: Notify = None,
    notify_on_failure: NotifyOnFailure = None,
    audit: AuditPolicy = None,
    audit_hours: AuditHours = None,
    quarantine_failures: QuarantineFailures = None,
    quarantine_share: QuarantineShare = None,
) -> None:
    """Change an app's URL, secret, schedule, mails, audit, or the rules of who is provisioned."""
    from msgspec.structs import replace

    from instep.core.app import Audit, QuarantineLimits
    from instep.targets.gallery import template as find

    gives_token = token_file is not None or token_env is not None or token is not None
    with open_job(name) as opened:
        known = opened.job.app
        found = find(known.template)
        limits = known.quarantine
        changed = replace(
            known,
            rules=ruled(known.rules, scope, nested_scope, nested_members, default_access),
            tenant_url=address(url, None) if url else known.tenant_url,
            interval_minutes=interval or known.interval_minutes,
            credentials=until(
                credentials(known.credentials, oauth_token_url, client_id, oauth_scope, by_bearer),
                token_expires,
                None,
                found,
            ),
            notifications=notifications(known.notifications, notify, notify_on_failure),
            audit=Audit(audit or known.audit.policy, audit_hours or known.audit.every_hours),
            quarantine=QuarantineLimits(
                quarantine_failures or limits.failures,
                limits.share if quarantine_share is None else quarantine_share,
            ),
        )
        if changed == known and not gives_token:
            stop(f"nothing to change: {name} is like that already, or no option was given (see --help)")
        if not gives_token and (strange := stranger(changed, known)):
            why, needed = strange
            stop(f"the token that is kept {why}; give {needed} as well, by --token-file")
        secret = read_token(token_file, token_env, token, found.token_hint) if gives_token else None
        changed = replace(changed, credentials=until(changed.credentials, token_expires, secret, found))
        with opened.state.writing() as writer:
            writer.save_app(changed, secret)
            links = sum(writer.counts(name).values())
    out.print(f"{name} is changed.")
    if secret is not None:
        _say_end(changed, token_expires)
    if changed.rules != known.rules:
        out.print(f"The next cycle looks at everyone again: `instep plan {name}` shows what it would do.")
    if changed.tenant_url != known.tenant_url and links:
        out.print(
            f"{links:,} people and groups stay linked to the accounts they had. If {changed.tenant_url} is another "
            "tenant and not the same one at a new address, remove this app and add it anew."
        )


def _say_end(of: "App", said: str | None) -> None:
    """Names the end of a secret that nobody named."""
    if of.credentials.expires and said is None:
        out.print(
            f"Its token ends on {of.credentials.expires:%Y-%m-%d}; should that be wrong, --token-expires says so."
        )


def _refuse_taken(name: str) -> None:
    """Says so before a token is asked for."""
    with open_stores() as (_, _, state), state.reading() as reader:
        if reader.app(name):
            stop(_taken(name))


def _taken(name: str) -> str:
    return f"there's an app {name} already; `instep app set` changes it, `--name` calls this one something else"
