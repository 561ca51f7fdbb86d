"""`instep status`: how an app stands: in step or behind, its last cycles, and whoever waits for something.

It reads the stores alone; the app isn't asked. What it knows is gathered in `standing`.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import decisions, showing
from instep.cli.job import OpenJob, open_job, out, print_json

if TYPE_CHECKING:
    from instep.cli.standing import Standing

SHOWN = 20
REASONS = 5
"""Reasons of the guard that are written out."""

_SCHEDULES = {
    "active": "started: `instep serve` runs it, at the latest every {minutes} minutes",
    "paused": "paused: `instep start {app}` goes on",
    "disabled": "not started: `instep start {app}` lets `instep serve` run it",
}


def status(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how an app stands: quarantine, last cycles, links, escrow, what is held, who runs it."""
    with open_job(app) as opened:
        standing = _standing(opened)
        if as_json:
            print_json(standing.json())
        else:
            _show(standing)


def _standing(opened: OpenJob) -> "Standing":
    from instep.cli.standing import Standing

    return Standing(opened)


def _show(standing: "Standing") -> None:
    name, app = standing.name, standing.app
    out.print(f"{name}: {app.display_name}, {app.tenant_url}\n{standing.place}.")
    schedule = _SCHEDULES[standing.status.schedule].format(app=name, minutes=app.interval_minutes)
    out.print(f"The job is {schedule}.")
    if not standing.configured:
        out.print(f"No token is kept: `instep app set {name} --token-file FILE` gives one.")
    _show_quarantine(standing)
    if standing.lease:
        until = showing.moment(standing.lease.until)
        out.print(f"A cycle is running: {showing.worker(standing.lease.owner)}, lease until {until}.")
    if standing.intents:
        names = showing.listed(i.name for i in standing.intents)
        out.print(f"{showing.number(len(standing.intents), 'request')} without a known outcome: {names}.")
        out.print("  They are under way." if standing.lease else "  A cycle reads the app first to find out.")
    if standing.counts:
        counted = (
            f"{number:,} {_people(kind.value, number)} {word}"
            for (kind, word), number in sorted(standing.counts.items())
        )
        out.print(f"Links: {', '.join(counted)}.")
    if standing.status.steady_last:
        out.print(f"Nothing was left to do at {showing.moment(standing.status.steady_last)}.")
    _show_cycles(standing)
    _show_audit(standing)
    _show_escrow(standing)
    _show_holds(standing)
    _show_notices(standing)


def _show_quarantine(standing: "Standing") -> None:
    from instep.core.cause import way_out

    held = standing.status.quarantine
    if held is None:
        if standing.status.failed_cycles:
            times = showing.number(standing.status.failed_cycles, "time")
            out.print(f"The app couldn't be reached {times} in a row; it's tried again within a minute.")
        return
    advice = way_out(held, standing.name)
    out.print(f"\nIn quarantine since {showing.moment(held.series_began)}: {held.reason}", style="bold red")
    out.print(f"  {showing.plain(held.message)}")
    if held.next_attempt:
        attempts = showing.number(held.series_count, "attempt")
        out.print(f"  Next attempt {showing.moment(held.next_attempt)}, after {attempts}.")
    out.print(f"  {advice.text}")
    width = max(len(command.line) for command in advice.commands)
    for command in advice.commands:
        out.print(f"    {command.line:<{width}}  {command.does}")
    out.print()


def _show_audit(standing: "Standing") -> None:
    audit = standing.audit
    if audit is None:
        return
    counts = ", ".join(f"{word} {number:,}" for word, number in audit.counts.items()) or "nothing differs"
    read = showing.number(audit.requests, "request")
    out.print(f"\nLast audit: {showing.moment(audit.began)}  {audit.result}  {counts}; {audit.read:,} read by {read}")
    if audit.counts:
        out.print(f"  `instep drift {standing.name}`, `instep unmanaged {standing.name}`", style="dim")


def _show_cycles(standing: "Standing") -> None:
    if standing.cycles:
        out.print("\nLast cycles:")
    for cycle in standing.cycles:
        counts = ", ".join(f"{word} {number:,}" for word, number in cycle.counts.items())
        took = f", {showing.duration((cycle.ended - cycle.began).total_seconds())}" if cycle.ended else ""
        out.print(f"  {showing.moment(cycle.began)}  {cycle.kind:<11} {cycle.result:<11} {counts}{took}")
        out.print(f"    {cycle.id}{': ' + showing.plain(cycle.message) if cycle.message else ''}", style="dim")


def _show_escrow(standing: "Standing") -> None:
    if standing.escrow:
        out.print(f"\nIn escrow, {len(standing.escrow):,}:")
    for link in standing.escrow[:SHOWN]:
        again = f"next try {showing.moment(link.next_try)}" if link.next_try else "given up until something changes"
        out.print(decisions.heading("wait", link.kind, link.name))
        out.print(f"        {showing.plain(link.last_error)}")
        out.print(f"        {showing.number(link.failures, 'failure')}, {again}", style="dim")
    _rest(standing.escrow)


def _show_holds(standing: "Standing") -> None:
    waiting = standing.waiting
    if waiting:
        out.print(f"\nHeld by the guard, {len(waiting):,} (fingerprint {standing.fingerprint}):")
        reasons = list(dict.fromkeys(hold.reason for _, hold in waiting))
        for reason in reasons[:REASONS]:
            out.print(f"  {showing.plain(reason)}")
        if len(reasons) > REASONS:
            out.print(f"  … and {showing.number(len(reasons) - REASONS, 'other reason')} (--json has all)")
    for link, hold in waiting[:SHOWN]:
        line = decisions.heading("hold", link.kind, link.name)
        line.append(f"  {hold.kind.replace(',', ', ')}, since {showing.moment(hold.since)}", style="dim")
        out.print(line)
    _rest(waiting)
    if waiting:
        out.print(f"`instep approve {standing.name}` lets them pass, `instep reject {standing.name}` drops them.")
    for verdict in ("approved", "rejected"):
        names = [link.name for link, hold in standing.holds if hold.verdict == verdict]
        if names:
            out.print(f"\nAlready {verdict}: {showing.listed(names)}.")


def _show_notices(standing: "Standing") -> None:
    unsent = standing.unsent
    if unsent:
        out.print(f"\n{showing.number(len(unsent), 'notice')} couldn't be sent:")
    for mail in unsent[:REASONS]:
        out.print(f"  {showing.moment(mail.at)}  {showing.plain(mail.subject)}")
        out.print(f"    {showing.plain(mail.last_error)}", style="dim")
    if standing.unposted:
        count = showing.number(len(standing.unposted), "notice waits", "notices wait")
        out.print(f"\nMail isn't set up, and {count} for it: `instep notices list --app {standing.name}`.")


def _people(kind: str, number: int) -> str:
    return f"{kind.lower()}{'' if number == 1 else 's'}"


def _rest(shown: Any) -> None:
    if len(shown) > SHOWN:
        out.print(f"  … and {len(shown) - SHOWN:,} more (--json has all)")
