"""`instep log verify` and `instep log prune`: whether the log is as it was written, and what is too old to be kept.

How the chain is made, and what is found, is in `instep.stores.state.chain` and `.verification`.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import showing
from instep.cli.job import FAILURES, err, find_app, open_stores, out, print_json, stop

if TYPE_CHECKING:
    from instep.core.record import ChainReport


def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[APP]", help="The app; all that have a log unless given.")
    ] = None,
    contains: Annotated[
        str | None,
        typer.Option("--contains", metavar="ENTRY:HASH", help="A checkpoint noted earlier: is that entry still in it?"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that no entry of the log was changed, taken out, put in or moved since it was written.

    Exit codes: 0 intact, 1 tampered with, 2 can't be checked.
    """
    if contains and name is None:
        stop("--contains needs the app whose checkpoint it is")
    sequence, hash = _checkpoint(contains) if contains else (0, "")
    with open_stores() as (_, _, state), state.reading() as reader:
        jobs = reader.logged_jobs()
        if name is not None and name not in jobs:
            find_app(state, name)
            jobs.append(name)
        reports = [reader.verify_log(job) for job in ([name] if name else jobs)]
        found = reader.log_hash(name, sequence) if name and contains else None
    lost = bool(contains) and found != hash and not (found is None and sequence <= reports[0].pruned)
    if as_json:
        print_json([_report_json(report) for report in reports])
    else:
        for report in reports:
            _show_report(report)
        if not reports:
            out.print("There is no log yet.")
        if contains and not lost:
            said = "is in it" if found else "was pruned since; nothing can be said about it"
            out.print(f"The entry {sequence:,} of the checkpoint {said}.")
    if lost:
        err.print(f"error: the entry {sequence:,} isn't what the checkpoint says: the log was replaced by another")
    if lost or any(report.faults for report in reports):
        raise typer.Exit(FAILURES)


def _checkpoint(text: str) -> tuple[int, str]:
    sequence, _, hash = text.partition(":")
    if not sequence.isdigit() or len(hash) != 64:
        stop(f"{text!r} isn't a checkpoint; `instep log verify` prints one: a number, a colon and 64 digits")
    return int(sequence), hash.lower()


def _show_report(report: "ChainReport") -> None:
    name, entries = showing.plain(report.job), showing.number(report.entries, "entry", "entries")
    if report.faults:
        out.print(f"{name}: the log was tampered with ({entries} looked at)", style="red")
        for fault in report.faults:
            out.print(f"  {fault.how:<10} {_where(fault.how, fault.sequence)}: {fault.words}")
        if report.more:
            out.print(f"  and {report.more:,} more")
    else:
        out.print(f"{name}: {entries}, intact", style="green")
        if report.hash:
            out.print(f"  checkpoint {report.sequence}:{report.hash}")
    if report.pruned:
        out.print(f"  pruned up to the entry {report.pruned:,}", style="dim")
    if report.older:
        older = showing.number(report.older, "entry", "entries")
        out.print(f"  {older} from before the chain began: nothing can be said about those", style="dim")


def _where(how: str, sequence: int) -> str:
    if how == "missing":
        return f"after the entry {sequence:,}" if sequence else "at the beginning"
    return f"entry {sequence:,}" if sequence else "the ends"


def _report_json(report: "ChainReport") -> dict[str, Any]:
    return {
        "app": report.job,
        "intact": not report.faults,
        "entries": report.entries,
        "older": report.older,
        "pruned": report.pruned,
        "checkpoint": f"{report.sequence}:{report.hash}" if report.hash else None,
        "faults": [{"how": f.how, "sequence": f.sequence, "words": f.words} for f in report.faults],
        "more": report.more,
    }


def prune(
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Keep so many days; INSTEP_LOG_DAYS, or 30, unless given.")
    ] = None,
) -> None:
    """Take old entries away, of all apps. What stays can be verified as before. The service does it by itself."""
    with open_stores() as (settings, _, state):
        kept = days or settings.log_days
        gone = state.prune_log(datetime.now(UTC) - timedelta(days=kept))
    out.print(f"{showing.number(gone, 'entry', 'entries')} older than {showing.number(kept, 'day')} taken away")
