"""`instep approve` and `instep reject`: an administrator's word about what the guard holds.

The word covers exactly the decisions that were listed, named by their fingerprint. What is held afterwards, or
has become another decision meanwhile, is not covered and waits for a word of its own.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instep.cli import decisions, showing
from instep.cli.job import OpenJob, confirmed, open_job, out, stop

if TYPE_CHECKING:
    from instep.core.link import Hold, Link
    from instep.ports import StateReader

Verdict = Literal["approved", "rejected"]

App = Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")]
Fingerprint = Annotated[
    str | None,
    typer.Option("--fingerprint", metavar="F", help="Go on only if what is held is still what this names; don't ask."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask, whatever is listed.")]
Rejected = Annotated[
    bool, typer.Option("--rejected", help="Look at what was rejected before, to approve it after all.")
]


def approve(app: App, fingerprint: Fingerprint = None, yes: Yes = False, rejected: Rejected = False) -> None:
    """Let what the guard holds pass: exactly what is listed, in the next cycle."""
    _judge(app, "approved", fingerprint, yes, "rejected" if rejected else "waiting")


def reject(app: App, fingerprint: Fingerprint = None, yes: Yes = False) -> None:
    """Drop what the guard holds: it isn't done, and not asked again while it stays the same decision."""
    _judge(app, "rejected", fingerprint, yes, "waiting")


def _judge(app: str, verdict: Verdict, given: str | None, yes: bool, of: str) -> None:
    from instep.core.plan import fingerprint

    with open_job(app) as opened:
        with opened.state.reading() as reader:
            holds = [(link, hold) for link, hold in reader.holds(app) if hold.verdict == of]
            named = fingerprint(hold.digest for _, hold in holds)
            if given is not None and (not holds or given != named):
                now = f"what is held now has {named}" if holds else "nothing is held now"
                stop(f"{given} isn't the fingerprint of what is held: {now}. Nothing was {verdict}; list it again")
            if not holds:
                out.print(
                    f"Nothing of {app} waits for approval." if of == "waiting" else f"Nothing of {app} was rejected."
                )
                return
            _list(reader, holds, app)
        out.print(f"\nFingerprint: {named}")
        question = "Let all of this pass?" if verdict == "approved" else "Drop all of this?"
        way_out = f"--fingerprint {named}"
        if given is None and not yes and not confirmed(question, way_out):
            stop(f"nothing was {verdict}")
        judged = _write(opened, {hold.digest: verdict for _, hold in holds})
        with opened.state.reading() as reader:
            started = reader.status(app).schedule == "active"
    changed = len(holds) - judged
    out.print(f"{showing.number(judged, 'decision')} {verdict}.")
    if changed > 0:
        out.print(f"{changed:,} changed or ended since they were listed, and aren't covered.")
    if verdict == "approved":
        out.print("The service takes it up now." if started else f"Now run: instep sync {app}")


def _list(reader: "StateReader", holds: "list[tuple[Link, Hold]]", app: str) -> None:
    """The held decisions by name, with before and after as the log has them."""
    for reason in dict.fromkeys(hold.reason for _, hold in holds):
        out.print(showing.plain(reason))
    out.print()
    for link, hold in holds:
        line = decisions.heading("hold", link.kind, link.name)
        line.append(f"  {hold.kind.replace(',', ', ')}, since {showing.moment(hold.since)}", style="dim")
        out.print(line)
        entry = next(reader.log(app, person=link.subject_id, action="hold", newest_first=True, limit=1), None)
        if entry and entry.subject_id == link.subject_id:
            for change in decisions.change_lines(entry.changes):
                out.print(change)
            if entry.members_removed:
                out.print(f"        {showing.number(entry.members_removed, 'member')} taken out")


def _write(opened: OpenJob, digests: dict[str, str]) -> int:
    from instep.core.job import Wish
    from instep.wiring import SystemClock

    with opened.state.writing() as writer:
        judged = writer.judge_holds(opened.name, digests)
        if "approved" in digests.values():
            writer.wish(Wish(opened.name, SystemClock().now()))
        return judged
