"""`instep log`: every decision and what came of it, with the steps that led to it.

Filters apply to every form of output. CSV is for spreadsheets: what one would take for a formula is made text.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from instep.cli import decisions, showing
from instep.cli.job import open_job, out, stop

if TYPE_CHECKING:
    from instep.ports import Exchange, LogEntry

COLUMNS = (
    "sequence", "at", "cycle", "kind", "id", "name", "appId", "action", "status", "code", "reason", "changes",
    "membersAdded", "membersRemoved", "milliseconds",
)  # fmt: skip

_STYLES = {"success": "green", "failure": "red", "warning": "yellow", "skipped": "dim"}
Action = Literal["create", "adopt", "update", "disable", "enable", "delete", "release", "skip", "hold"]
Status = Literal["success", "failure", "skipped", "warning"]


def log(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    person: Annotated[
        str | None, typer.Option("--person", metavar="NAME", help="Id or name (or its beginning) of a person or group.")
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", help="What came of it.")] = None,
    action: Annotated[Action | None, typer.Option("--action", help="What was done or decided.")] = None,
    cycle: Annotated[
        str | None, typer.Option("--cycle", metavar="ID", help="One cycle: `instep status` has the ids.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many entries at the most; 0 for all.")] = 50,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="From the beginning instead of the end.")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show the steps, requests and answers of each.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one entry a line, complete.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
) -> None:
    """Show what was decided and done, newest first."""
    if as_json and as_csv:
        stop("--json and --csv can't be had at once")
    with open_job(app) as opened, opened.state.reading() as reader:
        entries = reader.log(
            app,
            person=person,
            status=status,
            action=action,
            cycle=cycle,
            limit=limit or None,
            newest_first=not oldest_first,
        )
        if as_json:
            for entry in entries:
                typer.echo(json.dumps(decisions.entry_json(entry), ensure_ascii=False, default=str))
        elif as_csv:
            csv.writer(sys.stdout).writerows(csv_rows(entries))
        else:
            with opened.directory.browse() as browser:
                _show(entries, steps, app, decisions.Names(browser))


def csv_rows(entries: "Iterable[LogEntry]") -> Iterator[list[str]]:
    """A heading and a row per entry; changes in one cell, `attribute: before -> after` separated by `; `."""
    yield list(COLUMNS)
    for entry in entries:
        told = decisions.entry_json(entry)
        changes = (f"{c['attribute']}: {_cell_text(c['before'])} -> {_cell_text(c['after'])}" for c in told["changes"])
        told["changes"] = "; ".join(changes)
        yield [cell(told[column]) for column in COLUMNS]


def cell(value: Any) -> str:
    """A value as a spreadsheet may see it: what it would take for a formula begins with an apostrophe.

    The characters are OWASP's (CSV injection); names come from people who may be anybody.
    """
    text = _cell_text(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _cell_text(value: Any) -> str:
    return "" if value is None else str(value)


def _show(entries: "Iterable[LogEntry]", steps: bool, app: str, names: decisions.Names) -> None:
    none = True
    for entry in entries:
        none = False
        line = decisions.heading("fail" if entry.status == "failure" else entry.action, entry.kind, entry.name)
        line.append(f"  {entry.status}", style=_STYLES.get(entry.status, ""))
        line.append(f"  {showing.moment(entry.at)}", style="dim")
        out.print(line)
        if entry.reason:
            out.print(f"        {f'{entry.code}: ' if entry.code else ''}{showing.plain(entry.reason)}")
        for change in decisions.change_lines(entry.changes, names, new=entry.action == "create"):
            out.print(change)
        if entry.members_added or entry.members_removed:
            out.print(f"        {entry.members_added:,} members added, {entry.members_removed:,} removed")
        if steps:
            show_steps(entry)
    if none:
        out.print(f"Nothing in the log of {app} fits.")


def show_steps(entry: "LogEntry") -> None:
    """The steps of an entry, with its requests and answers."""
    for step in entry.steps:
        out.print(f"        {step.type:<20} {step.status:<8} {showing.plain(step.description)}")
        for key, value in step.details.items():
            out.print(f"        {'':<29} {showing.plain(f'{key}: {value}')}", style="dim")
    for exchange in entry.exchanges:
        _show_exchange(exchange)
    place = f"cycle {entry.cycle}, change {entry.change_id}, {entry.kind} {entry.subject_id}"
    out.print(f"        {showing.plain(place)}", style="dim")


def _show_exchange(exchange: "Exchange") -> None:
    status = "no answer" if exchange.status is None else str(exchange.status)
    asked = showing.plain(f"{exchange.method} {exchange.path}")
    out.print(f"        {'request':<20} {status:<8} {asked} ({exchange.milliseconds} ms)")
    for label, content in (("sent", exchange.body), ("answer", exchange.answer)):
        if content is not None:
            text = json.dumps(content, ensure_ascii=False, default=str)
            out.print(f"        {'':<29} {label}: {showing.plain(text)}", style="dim")
