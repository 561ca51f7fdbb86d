"""`instep check`: somebody's SCIM endpoint is driven as provisioning would drive it, and graded.

It needs no directory and no app of ours. What the checks are is in `instep.checking`; how the report looks is in
`check_report`. Exit codes: 0 all musts passed, 1 some failed, 3 there's no endpoint to be reached.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.app_options import ClientId, OAuthScope, OAuthTokenUrl, Token, TokenEnv, TokenFile, address, credentials
from instep.cli.job import FAILURES, UNAVAILABLE, err, print_json, settings, stop
from instep.cli.showing import plain
from instep.cli.token import read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from instep.checking.finding import Check, Finding
    from instep.checking.run import Report
    from instep.core.app import Credentials

DOMAIN = "instep-check.example"
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")

Ids = Annotated[str | None, typer.Option(metavar="IDS", help="Ids or groups, by commas: `patch,delete.gone`.")]
Number = Annotated[int, typer.Option(min=0, max=100_000_000, help="For the estimate of what a first cycle costs.")]


def check(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="The endpoint: the app's SCIM base URL.")] = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    token: Token = None,
    oauth_token_url: OAuthTokenUrl = None,
    client_id: ClientId = None,
    oauth_scope: OAuthScope = None,
    domain: Annotated[
        str, typer.Option("--domain", metavar="DOMAIN", help="Of the addresses of those who are made.")
    ] = DOMAIN,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only reads; nothing is made.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave what was made.")] = False,
    only: Ids = None,
    skip: Ids = None,
    list_: Annotated[bool, typer.Option("--list", help="List the checks, and end.")] = False,
    users: Number = 1_000,
    groups: Number = 50,
    memberships: Number = 5_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the findings as JUnit XML too.")
    ] = None,
) -> None:
    """Check any SCIM endpoint as provisioning would use it, and grade it.

    It makes some 75 users and 30 groups whose names begin with `instep-check-`, and removes them; nothing else is
    changed. Use a test tenant, since apps count users and send invitations.
    """
    from instep.checking.catalogue import UnknownCheck, chosen
    from instep.checking.finding import Unreachable
    from instep.cli import check_report
    from instep.core.app import Credentials

    try:
        checks = chosen(_split(only), _split(skip), read_only)
    except UnknownCheck as wrong:
        stop(str(wrong))
    if list_:
        check_report.show_list(checks, as_json)
        return
    if url is None:
        stop("which endpoint? Give the app's SCIM base URL: instep check https://app.example.com/scim/v2")
    if not checks:
        stop("no check is left to run")
    if not _DOMAIN.fullmatch(domain):
        stop(f"{domain!r} is no domain; one looks like test.example.com")
    tenant = address(url, None)
    known = credentials(Credentials(), oauth_token_url, client_id, oauth_scope, False)
    secret = read_token(token_file, token_env, token, "the endpoint's")
    if junit_file and not junit_file.parent.is_dir():
        stop(f"{junit_file} can't be written: there's no folder {junit_file.parent}")
    signals: list[int] = []
    watch = check_report.Watch(len(checks), quiet=as_json)
    try:
        report = asyncio.run(_visit(tenant, known, secret, domain, read_only, checks, keep, watch.seen, signals))
    except Unreachable as wrong:
        stop(plain(str(wrong)), UNAVAILABLE)
    finally:
        watch.close()
    if junit_file:
        _write(junit_file, report)
    if as_json:
        print_json(check_report.as_json(report, users, groups, memberships))
    else:
        check_report.show(report, users, groups, memberships)
    if signals and report.ended:
        raise typer.Exit(128 + signals[0])
    if report.unreachable:
        raise typer.Exit(UNAVAILABLE)
    if report.failed_musts:
        raise typer.Exit(FAILURES)


async def _visit(
    url: str,
    known: Credentials,
    secret: str,
    domain: str,
    read_only: bool,
    checks: Sequence[Check],
    keep: bool,
    seen: Callable[[Check, Finding | None], None],
    signals: list[int],
) -> Report:
    from instep.checking.run import run
    from instep.cli.running import stoppable
    from instep.wiring import checking

    stopped = asyncio.Event()
    async with checking.visit(settings(), url, known, secret, domain, read_only) as visit:

        def asked(number: int) -> None:
            signals.append(number)
            stopped.set()
            kept = "" if keep else " What was made is removed first."
            err.print(f"Stopping.{kept} Once more ends it at once, and leaves what begins with {visit.prefix}.")

        with stoppable(asked):
            return await run(visit, checks, seen, stopped, keep)


def _split(ids: str | None) -> list[str]:
    return [each.strip() for each in (ids or "").split(",") if each.strip()]


def _write(file: Path, report: Report) -> None:
    from instep.checking.junit import junit

    try:
        file.write_text(junit(report), encoding="utf-8")
    except OSError as wrong:
        stop(f"{file} can't be written: {wrong.strerror}")
