"""`instep org`: the app's side, for tests and demos. Organisations, their domains, members and teams, and the server.

Every command but `serve` does one thing to the app's data and ends, also while `serve` is running. Exit codes: 0 done,
1 refused or failed, 2 bad usage. Results go to standard output, everything said about them to standard error.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from instep.cli.showing import plain
from instep.serviceprovider import domains, members, organisations, overview, teams, text, tokens
from instep.serviceprovider.database import Database
from instep.serviceprovider.journal import Journal
from instep.serviceprovider.members import Role
from instep.serviceprovider.organisations import Organisation, Plan, Sso
from instep.serviceprovider.refusal import Refusal

app = typer.Typer(
    name="org", no_args_is_help=True, add_completion=False, help="Run a test app: organisations provisioned over SCIM."
)

_REFUSED = 1
# What goes into a pipe is cut nowhere.
_WIDTH = None if sys.stdout.isatty() else 10_000
_out = Console(highlight=False, markup=False, soft_wrap=True, width=_WIDTH)
_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

_PLANS = tuple(Plan)
_ROLES = tuple(Role)


def _one_of(allowed: tuple[str, ...]) -> Any:
    def check(value: str) -> str:
        if value.lower() not in allowed:
            raise typer.BadParameter(f"must be one of {', '.join(allowed)}")
        return value.lower()

    return check


def _argument(name: str, about: str, allowed: tuple[str, ...] | None = None) -> Any:
    return typer.Argument(metavar=name, help=about, callback=_one_of(allowed) if allowed else None)


Data = Annotated[Path, typer.Option("--data", envvar="INSTEP_DATA", help="The folder with the app's data.")]
DATA = Path("instep-data")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Org = Annotated[str, _argument("ORG", "The organisation's name or number.")]
Name = Annotated[str, _argument("NAME", "What it's called.")]
Email = Annotated[str, _argument("EMAIL", "The person's address.")]
Domain = Annotated[str, _argument("DOMAIN", "Such as acme.example.")]
PlanName = Annotated[str, _argument("PLAN", " | ".join(_PLANS), _PLANS)]
RoleName = Annotated[str, _argument("ROLE", " | ".join(_ROLES), _ROLES)]
PlanOption = Annotated[str, typer.Option("--plan", callback=_one_of(_PLANS), help=", ".join(_PLANS))]
RoleOption = Annotated[str, typer.Option("--role", callback=_one_of(_ROLES), help=", ".join(_ROLES))]
Owner = Annotated[str | None, typer.Option("--owner", metavar="EMAIL", help="Its first Owner.")]
Called = Annotated[str | None, typer.Option("--name", help="What the person is called.")]
Places = Annotated[list[str] | None, typer.Option("--member", metavar="EMAIL", help="Somebody to put in; repeatable.")]
Issuer = Annotated[str | None, typer.Option(help="The identity provider's issuer (entity id), a URL.")]
SignInUrl = Annotated[str | None, typer.Option(help="The identity provider's sign-in URL.")]
Certificate = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Its certificate: PEM or Base64.")]
StandIn = Annotated[bool, typer.Option(help="Make a certificate up, for a test app that nobody signs in to.")]
Remove = Annotated[bool, typer.Option("--remove", help="Forget the settings for good.")]
Nameserver = Annotated[str | None, typer.Option(metavar="IP[:PORT]", help="Ask this DNS server, not the system's.")]
DnsPort = Annotated[int, typer.Option(min=1, max=65535, help="The port of --nameserver.")]
Reset = Annotated[bool, typer.Option("--reset", help="Start the counts anew after showing them.")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]
ReadyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the base URL here once it's up.")]
Plain = Annotated[bool, typer.Option("--plain", help="Use the slow way through models for everything.")]
Rate = Annotated[float | None, typer.Option(min=0.1, help="Requests a second for each organisation; more get 429.")]


# --- organisations ---


@app.command(epilog="Example: instep org create Acme --owner ada@acme.example")
def create(
    name: Name, plan: PlanOption = "enterprise", owner: Owner = None, data: Data = DATA, as_json: Json = False
) -> None:
    """Make an organisation."""
    with _writing(data) as connection:
        made = organisations.create(connection, name, Plan(plan), text.now())
        if owner:
            members.invite(connection, made, owner, Role.OWNER, None, text.now())
        shown = _shown(connection, made, data)
    _print(shown, as_json, f"organisation {made.name} (number {made.id}), plan {made.plan}")


@app.command("list", epilog="Example: instep org list --json")
def list_(data: Data = DATA, as_json: Json = False) -> None:
    """List the organisations."""
    with _reading(data) as connection:
        rows = [{"id": each.id, "name": each.name, "plan": each.plan.value} for each in organisations.every(connection)]
    _table(rows, ("id", "name", "plan"), as_json)


@app.command(epilog="Example: instep org show Acme")
def show(org: Org, data: Data = DATA, as_json: Json = False) -> None:
    """Show an organisation: its plan, single sign-on, domains and token."""
    with _reading(data) as connection:
        shown = _shown(connection, organisations.find(connection, org), data)
    _print(shown, as_json, "\n".join(f"{name}: {_brief(value)}" for name, value in shown.items()))


@app.command("plan", epilog="Example: instep org plan Acme growth")
def set_plan(org: Org, plan: PlanName, data: Data = DATA) -> None:
    """Move an organisation to another plan. SCIM needs Enterprise, single sign-on Growth or Enterprise."""
    with _writing(data) as connection:
        found = organisations.find(connection, org)
        organisations.set_plan(connection, found, Plan(plan))
    _err.print(f"{found.name} is on {plan.capitalize()} now")


@app.command(
    epilog="Example: instep org sso Acme --issuer https://idp.acme.example/ --sign-in-url https://idp.acme.example/sso"
    " --certificate idp.pem"
)
def sso(
    org: Org,
    issuer: Issuer = None,
    sign_in_url: SignInUrl = None,
    certificate: Certificate = None,
    stand_in_certificate: StandIn = False,
    remove: Remove = False,
    data: Data = DATA,
) -> None:
    """Set up single sign-on, which SCIM needs. Nobody can sign in to this app; it only keeps the settings."""
    named = [issuer, sign_in_url, certificate or stand_in_certificate or None]
    if any(named) == remove or (any(named) and (not all(named) or (certificate and stand_in_certificate))):
        raise typer.BadParameter(
            "give --issuer, --sign-in-url and one of --certificate FILE or --stand-in-certificate; or only --remove"
        )
    with _writing(data) as connection:
        found = organisations.find(connection, org)
        if remove:
            organisations.remove_sso(connection, found)
        else:
            assert issuer is not None
            assert sign_in_url is not None
            made_up = "" if certificate else organisations.stand_in_certificate(issuer, text.now())
            pem = certificate.read_text(errors="replace") if certificate else made_up
            organisations.set_up_sso(connection, found, Sso(sign_in_url, issuer, pem))
    _err.print(f"single sign-on of {found.name} is {'removed' if remove else 'set up'}")


# --- domains and tokens ---


@app.command("claim-domain", epilog="Example: instep org claim-domain Acme acme.example")
def claim_domain(org: Org, domain: Domain, data: Data = DATA, as_json: Json = False) -> None:
    """Claim an e-mail domain. Prints the TXT record to publish in its DNS."""
    with _writing(data) as connection:
        claimed = domains.claim(connection, organisations.find(connection, org), domain)
    _print(overview.of_domain(claimed), as_json, claimed.record)
    _err.print(f"publish this as a TXT record of {claimed.name}, then: instep org verify-domain {org} {claimed.name}")


@app.command("verify-domain", epilog="Example: instep org verify-domain Acme acme.example --nameserver 127.0.0.1:5353")
def verify_domain(
    org: Org,
    domain: Domain,
    nameserver: Nameserver = None,
    port: DnsPort = 53,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Look for the TXT record of a claimed domain. Exit code 1 when it isn't there."""
    try:
        address, port = domains.nameserver(nameserver, port)
    except ValueError as wrong:
        raise typer.BadParameter(f"--nameserver {wrong}") from None
    with _reading(data) as connection:
        claim = domains.get(connection, organisations.find(connection, org), domains.normalised(domain))
    with _told(data):
        records = domains.dns_lookup(address, port)(claim.name)
    with _writing(data) as connection:
        judged = domains.verify(connection, organisations.find(connection, org), claim.name, records, text.now())
    problem = domains.problem(judged, records)
    _print(
        overview.of_domain(judged), as_json, f"{judged.name} is {'verified' if judged.verified_at else 'not verified'}"
    )
    if problem:
        _fail(problem)


@app.command(epilog="Example: TOKEN=$(instep org token Acme)")
def token(org: Org, data: Data = DATA, as_json: Json = False) -> None:
    """Make a new SCIM token and print it, once. It revokes the one before."""
    with _writing(data) as connection:
        found = organisations.find(connection, org)
        before = tokens.live(connection, found)
        made = tokens.mint(connection, found, text.now())
    _print({"organisation": found.name, "token": made}, as_json, made)
    _err.print("keep it now: it can't be shown again" + ("; the token before is revoked" if before else ""))


# --- people and teams ---


@app.command("members", epilog="Example: instep org members Acme")
def list_members(org: Org, data: Data = DATA, as_json: Json = False) -> None:
    """List the members with their roles."""
    with _reading(data) as connection:
        rows = [asdict(each) for each in members.every(connection, organisations.find(connection, org))]
    _table(rows, ("email", "name", "role", "active", "teams"), as_json)


@app.command("teams", epilog="Example: instep org teams Acme --json")
def list_teams(org: Org, data: Data = DATA, as_json: Json = False) -> None:
    """List the teams with their members."""
    with _reading(data) as connection:
        rows = [asdict(each) for each in teams.every(connection, organisations.find(connection, org))]
    _table(rows, ("name", "managed", "members"), as_json)


@app.command(epilog="Example: instep org invite Acme guest@elsewhere.example --role admin")
def invite(org: Org, email: Email, role: RoleOption = "member", name: Called = None, data: Data = DATA) -> None:
    """Make somebody a member by hand, whatever the domain of the address."""
    with _writing(data) as connection:
        found = organisations.find(connection, org)
        made = members.invite(connection, found, email, Role(role), name, text.now())
    _err.print(f"{made.email} is a member of {found.name}, role {made.role}")


@app.command("role", epilog="Example: instep org role Acme ada@acme.example owner")
def set_role(org: Org, email: Email, role: RoleName, data: Data = DATA) -> None:
    """Give a member another role. SCIM can't."""
    with _writing(data) as connection:
        members.set_role(connection, organisations.find(connection, org), email, Role(role))
    _err.print(f"{email} is {role} now")


@app.command(epilog="Example: instep org remove Acme guest@elsewhere.example")
def remove(org: Org, email: Email, data: Data = DATA) -> None:
    """End a membership by hand. The person keeps the login."""
    with _writing(data) as connection:
        found = organisations.find(connection, org)
        members.remove(connection, found, email)
    _err.print(f"{email} is no member of {found.name} any more")


@app.command("sign-up", epilog="Example: instep org sign-up eve@acme.example")
def sign_up(email: Email, data: Data = DATA) -> None:
    """Make a login that belongs to no organisation, as somebody who found the app alone would."""
    with _writing(data) as connection:
        members.sign_up(connection, email, text.now())
    _err.print(f"{email} has a login now")


@app.command("create-team", epilog="Example: instep org create-team Acme Analysts --member ada@acme.example")
def create_team(org: Org, name: Name, member: Places = None, data: Data = DATA) -> None:
    """Make a team by hand. A group of that name that is pushed over SCIM takes it over."""
    with _writing(data) as connection:
        teams.create(connection, organisations.find(connection, org), name, member or (), text.now())
    _err.print(f"team {name} is made")


# --- the server ---


@app.command(epilog="Example: instep org requests Acme --reset")
def requests(org: Org, data: Data = DATA, as_json: Json = False, reset: Reset = False) -> None:
    """Show how many requests the organisation's SCIM client has sent, and how they were answered."""
    with _reading(data) as connection:
        found = organisations.find(connection, org)
    journal = Journal(data)
    counts = [asdict(each) for each in journal.counts(found.id)]
    if reset:
        journal.reset(found.id)
    journal.close()
    total = sum(each["times"] for each in counts)
    if as_json:
        _print({"organisation": found.name, "total": total, "requests": counts}, as_json, "")
    else:
        _table(counts, ("method", "route", "status", "times"), as_json)
        _out.print(f"{total} requests")


@app.command(epilog="Example: instep org serve --port 0 --ready-file /tmp/app.url")
def serve(
    data: Data = DATA,
    host: Host = "127.0.0.1",
    port: Port = 8480,
    ready_file: ReadyFile = None,
    slow: Plain = False,
    rate: Rate = None,
) -> None:
    """Serve the SCIM endpoint of all organisations until SIGTERM or Ctrl-C. The first line is the base URL."""
    with _told(data):
        from instep.serviceprovider import server
        from instep.serviceprovider.app import App

        running = App(data, quick=not slow, requests_per_second=rate)

        def ready(base_url: str) -> None:
            if ready_file is not None:
                server.announce(base_url, ready_file)
            _out.print(base_url)
            _out.file.flush()

        try:
            asyncio.run(server.serve(running, host, port, ready))
        finally:
            running.close()


# --- how commands speak ---


@contextmanager
def _told(data: Path) -> Iterator[None]:
    """Says what went wrong in a line, with exit code 1, where it's no bug."""
    try:
        yield
    except Refusal as refusal:
        _fail(str(refusal))
    except OperationalError as wrong:
        _fail(f"the app's data in {data} can't be used: {wrong.orig}")
    except OSError as wrong:
        _fail(str(wrong))
    except ModuleNotFoundError as missing:
        _fail(f"{missing.name} isn't installed; the test app needs it: pip install 'instep[app]'")


@contextmanager
def _opened(data: Path) -> Iterator[Database]:
    with _told(data):
        database = Database(data)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def _writing(data: Path) -> Iterator[Connection]:
    with _opened(data) as database, database.writing() as connection:
        yield connection


@contextmanager
def _reading(data: Path) -> Iterator[Connection]:
    with _opened(data) as database, database.reading() as connection:
        yield connection


def _fail(why: str) -> NoReturn:
    _err.print(f"instep org: {why}")
    raise typer.Exit(_REFUSED)


def _print(value: object, as_json: bool, words: str) -> None:
    _out.print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else words)


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        _print(rows, as_json, "")
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_brief(row[column]) for column in columns))
    _out.print(table)


def _brief(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {_brief(each)}" for name, each in value.items())
        case list() | tuple():
            return "; ".join(_brief(each) for each in value) or "none"
        case _:
            return plain(str(value))


def _shown(connection: Connection, organisation: Organisation, data: Path) -> dict[str, Any]:
    journal = Journal(data)
    try:
        return overview.of_organisation(connection, organisation, journal)
    finally:
        journal.close()
