"""`instep provision`: one person, or a group with all its members, right now. Every step is shown.

It's the same evaluation and the same way of sending as a cycle's, the guard included; only who is looked at differs.
With --preview nothing is sent and nothing is written.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import decisions, showing
from instep.cli.explain import subject_called
from instep.cli.job import (
    FAILURES,
    HELD,
    RUNNING,
    UNAVAILABLE,
    OpenJob,
    err,
    open_job,
    out,
    print_json,
    require_token,
    stop,
)
from instep.cli.log import show_steps
from instep.cli.running import Interrupted, require_not_paused, run_or_follow

if TYPE_CHECKING:
    from instep.core.subject import Kind
    from instep.engine.evaluate import Evaluated
    from instep.ports import CycleSummary, LogEntry


def provision(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    who: Annotated[str, typer.Argument(metavar="PERSON_OR_GROUP", help="userPrincipalName, group name or id.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would be done; send and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring one person, or a group with its members, in step right now, and show each step.

    Exit codes: 0 in step, 1 somebody failed, 2 nobody is called that, 3 the app is out of reach or refuses us,
    4 the guard holds something, 5 another worker took the job over.
    """
    from instep.ports import AppUnavailable, LeaseLost

    with open_job(app) as opened:
        require_token(opened)
        with opened.directory.browse() as browser:
            subject = subject_called(opened, browser, who)
        if preview:
            try:
                evaluated = asyncio.run(_preview(opened, subject))
            except AppUnavailable as refused:
                stop(showing.plain(str(refused)), UNAVAILABLE)
            _show_preview(opened, evaluated, as_json)
            return
        require_not_paused(opened)
        subjects = asyncio.run(_with_members(opened, subject))
        signals: list[int] = []
        try:
            summary = asyncio.run(run_or_follow(opened, as_json, signals, subjects))
        except LeaseLost as lost:
            stop(f"another worker took {app} over, and goes on: {lost}", RUNNING)
        except Interrupted:
            raise typer.Exit(128 + signals[0]) from None
        code = _show(opened, summary, subjects, as_json)
    if code:
        raise typer.Exit(code)


async def _with_members(opened: OpenJob, subject: "tuple[Kind, str]") -> "list[tuple[Kind, str]]":
    from instep import wiring
    from instep.engine.on_demand import with_members

    async with wiring.world(opened.settings, opened.directory, opened.state) as world:
        return await with_members(world, opened.job, subject)


async def _preview(opened: OpenJob, subject: "tuple[Kind, str]") -> "list[Evaluated]":
    from instep import wiring
    from instep.engine.on_demand import preview_of, with_members

    async with (
        wiring.world(opened.settings, opened.directory, opened.state) as world,
        wiring.target(opened.settings, opened.state, opened.job.app) as target,
    ):
        return await preview_of(world, opened.job, target, await with_members(world, opened.job, subject))


def _show_preview(opened: OpenJob, evaluated: "list[Evaluated]", as_json: bool) -> None:
    with opened.directory.browse() as browser:
        names = decisions.Names(browser)
        if as_json:
            shown = [decisions.decision_json(each.decision, names) for each in evaluated]
            print_json({"app": opened.name, "preview": True, "decisions": shown})
            return
        for each in evaluated:
            for line in decisions.decision_lines(each.decision, names):
                out.print(line)
    out.print("A preview: nothing was sent. A cycle's guard judges it together with everything else.")


def _show(opened: OpenJob, summary: "CycleSummary", subjects: "list[tuple[Kind, str]]", as_json: bool) -> int:
    with opened.state.reading() as reader:
        wanted = set(subjects)
        entries = [
            entry for entry in reader.log(opened.name, cycle=summary.id) if (entry.kind, entry.subject_id) in wanted
        ]
        held = sum(hold.verdict == "waiting" and (link.kind, link.subject_id) in wanted
                   for link, hold in reader.holds(opened.name))  # fmt: skip
    unchanged = len(wanted) - len({(entry.kind, entry.subject_id) for entry in entries})
    if as_json:
        print_json(_json(opened, summary, entries, unchanged, held))
    else:
        for entry in entries:
            out.print(decisions.heading("fail" if entry.status == "failure" else entry.action, entry.kind, entry.name))
            if entry.reason:
                out.print(f"        {showing.plain(entry.reason)}")
            show_steps(entry)
        if unchanged and summary.result not in ("unavailable", "interrupted"):
            out.print(f"{showing.number(unchanged, 'subject is', 'subjects are')} in step already; nothing was sent.")
        if held:
            out.print(f"The guard holds something: `instep approve {opened.name}` lists it.")
        if summary.result == "unavailable":
            err.print(f"error: {showing.plain(summary.message)}")
        if summary.result == "interrupted":
            err.print(f"Ended early{f': {summary.message}' if summary.message else ''}.")
    if summary.result == "unavailable":
        return UNAVAILABLE
    return HELD if held else FAILURES if any(e.status == "failure" for e in entries) else 0


def _json(
    opened: OpenJob, summary: "CycleSummary", entries: "list[LogEntry]", unchanged: int, held: int
) -> dict[str, Any]:
    return {
        "app": opened.name,
        "preview": False,
        "cycle": summary.id,
        "result": summary.result,
        "message": summary.message,
        "entries": [decisions.entry_json(entry) for entry in entries],
        "unchanged": unchanged,
        "held": held,
    }
