"""The options of `instep app add` and `instep app set`, and what they say, laid over an app as it is.

Whatever an option can't say ends the command in one line. The commands themselves are in `app_changes`; where the
secret comes from is in `token`.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from instep.cli.job import stop

if TYPE_CHECKING:
    from instep.core.app import App, Credentials, Notifications
    from instep.targets.gallery import Template

NOBODY = "none"
"""What `--notify` takes for nobody."""

Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="The tenant URL: the app's SCIM base URL.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="The file that holds the secret: the token, or the client's secret."
    ),
]
TokenEnv = Annotated[
    str | None, typer.Option("--token-env", metavar="VAR", help="The environment variable that holds the secret.")
]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="-", help="`-` reads the secret from standard input.", show_default=False),
]
TokenExpires = Annotated[
    str | None,
    typer.Option(
        "--token-expires", metavar="DATE", help="When the secret ends, as 2027-01-31; read from a JWT unless given."
    ),
]
OAuthTokenUrl = Annotated[
    str | None,
    typer.Option(
        "--oauth-token-url",
        metavar="URL",
        help="Where access tokens are asked for, with the OAuth 2.0 client credentials.",
    ),
]
ClientId = Annotated[
    str | None, typer.Option("--client-id", metavar="ID", help="The OAuth 2.0 client's id; the secret is its secret.")
]
OAuthScope = Annotated[
    str | None, typer.Option("--oauth-scope", metavar="SCOPE", help="The scope that access tokens are asked for with.")
]
ByBearer = Annotated[
    bool,
    typer.Option("--bearer", help="Back to a bearer token, from OAuth 2.0 client credentials.", show_default=False),
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
Interval = Annotated[
    int | None,
    typer.Option(
        "--interval", metavar="MINUTES", min=1, max=525_600, help="After how many minutes its job runs again."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify", metavar="ADDRESS", help="Who is told by mail; may be given several times, `none` for nobody."
    ),
]
NotifyOnFailure = Annotated[
    bool | None,
    typer.Option(
        "--notify-on-failure/--no-notify-on-failure",
        help="Whether they're also told of people who fail, once a day at most.",
        show_default=False,
    ),
]
AuditPolicy = Annotated[
    Literal["off", "ignore", "report", "repair"] | None,
    typer.Option("--audit", help="What is done about what others change in the app; `off` doesn't look."),
]
AuditHours = Annotated[
    int | None, typer.Option("--audit-hours", min=1, max=8_760, help="Hours between two audits by the service.")
]
QuarantineFailures = Annotated[
    int | None,
    typer.Option(
        "--quarantine-failures", min=1, max=1_000_000, help="Failures in a cycle before the job is unhealthy,"
    ),
]
QuarantineShare = Annotated[
    float | None,
    typer.Option("--quarantine-share", min=0, max=1, help="and more than this share (0.4) of all that was tried."),
]


def credentials(
    known: "Credentials", token_url: str | None, client_id: str | None, scope: str | None, by_bearer: bool
) -> "Credentials":
    """The credentials with what the options say; ends the command where they don't make any."""
    from instep.core.app import Credentials
    from instep.targets.address import TenantUrlError
    from instep.targets.address import token_url as checked

    if token_url is None and client_id is None and scope is None:
        return Credentials() if by_bearer and known.kind != "bearer" else known
    if by_bearer:
        stop("--bearer goes without --oauth-token-url, --client-id and --oauth-scope")
    before = known if known.kind == "client_credentials" else Credentials("client_credentials")
    made = Credentials(
        "client_credentials",
        before.token_url if token_url is None else token_url.strip(),
        before.client_id if client_id is None else client_id,
        before.scope if scope is None else scope,
        before.expires,
    )
    if not made.token_url or not made.client_id:
        stop(
            "OAuth 2.0 client credentials need both --oauth-token-url and --client-id, and the client's secret as token"
        )
    try:
        checked(made.token_url)
    except TenantUrlError as wrong:
        stop(str(wrong))
    return made


def until(made: "Credentials", expires: str | None, secret: str | None, template: "Template") -> "Credentials":
    """The credentials with the end of their secret: what was said, else what a new secret says of itself (a JWT), else
    what the gallery knows of such tokens. secret: a new one, if there's one."""
    from msgspec.structs import replace

    from instep.cli.token import end_of
    from instep.documents.app_settings import day

    if expires is not None:
        ends = day(expires)
        if ends is None:
            stop(f"{expires!r} is no date; write it as 2027-01-31")
        return replace(made, expires=ends)
    if secret is None:
        return made
    ends = end_of(secret) if made.kind == "bearer" else None
    if ends is None and made.kind == "bearer" and template.token_days:
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=template.token_days)
    return replace(made, expires=ends)


def notifications(known: "Notifications", addresses: list[str] | None, on_failure: bool | None) -> "Notifications":
    """Who is told; ends the command when an address can't be one."""
    from instep.core.app import Notifications
    from instep.documents.app_settings import ADDRESS

    told = known.addresses
    if addresses:
        told = () if addresses == [NOBODY] else tuple(dict.fromkeys(addresses))
    for address in told:
        if not ADDRESS.fullmatch(address):
            stop(f"{address!r} is no mail address; `--notify {NOBODY}` is for nobody")
    return Notifications(told, known.on_failure if on_failure is None else on_failure)


def address(url: str, template: "Template | None") -> str:
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


def stranger(made: "App", known: "App") -> tuple[str, str] | None:
    """Why the token that is kept can't stay, and whose is needed, in words; none where it can. It isn't sent to another
    host than the one that it was made for."""
    before, after = known.credentials, made.credentials
    if after.kind != before.kind:
        kinds = {"bearer": "a bearer token", "client_credentials": "a client's secret"}
        return f"is {kinds[before.kind]}", kinds[after.kind]
    for old, new in ((known.tenant_url, made.tenant_url), (before.token_url, after.token_url)):
        was, will = urlsplit(old).hostname or "", urlsplit(new).hostname or ""
        if was != will:
            return f"was made for {was}", f"{will}'s"
    return None
