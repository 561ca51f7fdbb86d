"""`instep log`: every decision and what came of it, with the steps that led to it; and whether the log is intact.

Filters apply to every form of output. What other programs get is made in `log_download`; whether the log is intact
is in `log_chain`.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import typer.core

from instep.cli import decisions, log_chain, moments, showing
from instep.cli.job import err, find_app, open_stores, out, stop
from instep.cli.log_download import entry_json, write_csv

if TYPE_CHECKING:
    from instep.core.record import Member
    from instep.documents.graph_log import Place
    from instep.ports import Exchange, LogEntry
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore

_STYLES = {"success": "green", "failure": "red", "warning": "yellow", "skipped": "dim"}
_NAMED = 20
Action = Literal["create", "adopt", "update", "disable", "enable", "delete", "release", "skip", "hold"]
Status = Literal["success", "failure", "skipped", "warning"]


class _ShowUnlessTold(typer.core.TyperGroup):
    """`instep log APP` is `instep log show APP`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_ShowUnlessTold,
    help="What was decided and done, and why: `instep log APP` shows it, newest first.",
    epilog="Example: instep log mixpanel --status failure --since 7d",
    no_args_is_help=True,
    add_completion=False,
)
app.command(epilog="Example: instep log verify mixpanel")(log_chain.verify)
app.command(epilog="Example: instep log prune --days 90")(log_chain.prune)


@app.command(epilog="Example: instep log show mixpanel --person anna --since 7d --steps")
def show(
    name: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    person: Annotated[
        str | None, typer.Option("--person", metavar="NAME", help="Id or name (or its beginning) of a person or group.")
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", help="What came of it.")] = None,
    action: Annotated[Action | None, typer.Option("--action", help="What was done or decided.")] = None,
    cycle: Annotated[
        str | None, typer.Option("--cycle", metavar="ID", help="One cycle: `instep status` has the ids.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help=f"From then on: {moments.HELP}.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=0, help="How many entries at the most; 0 for all. 50, and all in a download."
        ),
    ] = None,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="From the beginning instead of the end.")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show the steps, requests and answers of each.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: one entry a line, as Microsoft Graph has it.")
    ] = False,
    as_csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FOLDER", help="Write three files for a spreadsheet: entries, steps, properties."
        ),
    ] = None,
) -> None:
    """Show what was decided and done, newest first. `show` needn't be typed."""
    from instep.documents.graph_log import token

    if as_json and as_csv:
        stop("--json and --csv can't be had at once")
    now = datetime.now(UTC)
    whole = as_json or as_csv is not None
    with _open_log(name) as (place, directory, state), state.reading() as reader:
        entries = reader.log(
            name,
            person=person,
            status=status,
            action=action,
            cycle=cycle and token(cycle),
            since=moments.given("--since", since, now),
            until=moments.given("--until", until, now),
            limit=(None if whole else 50) if limit is None else limit or None,
            newest_first=not oldest_first,
        )
        if as_json:
            for entry in entries:
                typer.echo(json.dumps(entry_json(entry, place), ensure_ascii=False, default=str))
        elif as_csv:
            err.print(f"{showing.number(write_csv(entries, place, as_csv), 'entry', 'entries')} in {as_csv}")
        else:
            with directory.browse() as browser:
                _show(entries, steps, name, decisions.Names(browser))


@contextmanager
def _open_log(name: str) -> "Iterator[tuple[Place, DirectoryStore, StateStore]]":
    """Whose log it is, and the stores. The log of an app that was removed can be read too."""
    from instep.documents.graph_log import Place

    with open_stores() as (_, directory, state):
        with state.reading() as reader:
            known, logged = reader.app(name), reader.logged_jobs()
        if known is None and name not in logged:
            find_app(state, name)
        yield Place(name, known.display_name if known else name), directory, state


# ---------------------------------------------------------------------------------------- for people


def _show(entries: "Iterable[LogEntry]", steps: bool, app: str, names: decisions.Names) -> None:
    none = True
    for entry in entries:
        none = False
        line = decisions.heading("fail" if entry.status == "failure" else entry.action, entry.kind, entry.name)
        line.append(f"  {entry.status}", style=_STYLES.get(entry.status, ""))
        line.append(f"  {showing.moment(entry.at)}", style="dim")
        if entry.initiator:
            line.append("  on demand" if entry.initiator == "on-demand" else "  approved", style="dim")
        out.print(line)
        if entry.reason:
            out.print(f"        {f'{entry.code}: ' if entry.code else ''}{showing.plain(entry.reason)}")
        for change in decisions.change_lines(entry.changes, names, new=entry.action == "create"):
            out.print(change)
        _show_members("+", entry.added, entry.members_added)
        _show_members("-", entry.removed, entry.members_removed)
        if steps:
            show_steps(entry)
    if none:
        out.print(f"Nothing in the log of {app} fits.")


def _show_members(sign: str, named: "tuple[Member, ...]", number: int) -> None:
    if not number:
        return
    names = [showing.plain(m.name or m.id or m.app_id) for m in named[:_NAMED]]
    more = number - len(names)
    rest = [f"{more:,} more" if names else showing.number(more, "member")] if more else []
    out.print(f"        {sign} {', '.join(names)}{' and ' if names and rest else ''}{''.join(rest)}")


def show_steps(entry: "LogEntry") -> None:
    """The steps of an entry, with its requests and answers."""
    from instep.core.codes import code

    for step in entry.steps:
        out.print(f"        {step.type:<20} {step.status:<8} {showing.plain(step.description)}")
        for key, value in step.details.items():
            out.print(f"        {'':<29} {showing.plain(f'{key}: {value}')}", style="dim")
    for exchange in entry.exchanges:
        _show_exchange(exchange)
    if entry.status == "failure" and code(entry.code).action:
        out.print(f"        {'what to do':<29} {code(entry.code).action}")
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
