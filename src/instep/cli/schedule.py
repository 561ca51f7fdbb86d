"""`instep start`, `pause` and `restart`: Graph's job actions. Whoever runs the job obeys, in whichever process.

A pause holds a running cycle between two requests; starting goes on from there. A restart forgets what it's told to.
"""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from instep.cli import showing
from instep.cli.job import OpenJob, confirmed, open_job, out, require_token, stop
from instep.core.job import FULL_RESET, USUAL_RESET, JobStatus, Reset

if TYPE_CHECKING:
    from instep.ports import StateWriter

App = Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")]


def start(app: App) -> None:
    """Start an app's job: from now on the service runs it. Lifts a quarantine; goes on where it was."""
    with open_job(app) as opened:
        require_token(opened)
        with opened.state.writing() as writer:
            before = writer.status(app).schedule
            status = writer.change_status(app, _started)
        waits = [f"`instep approve {app}` lists what the guard holds."] if _held(opened) else []
    words = {"active": "is started already", "paused": "goes on", "disabled": "is started"}[before]
    out.print(f"{app} {words}. `instep serve` runs it; `instep status {app}` says how it stands.")
    assert status.quarantine is None
    for line in waits:
        out.print(line)


def pause(app: App) -> None:
    """Pause an app's job at once, between two requests. Nothing is lost; `instep start` goes on."""
    with open_job(app) as opened:
        with opened.state.writing() as writer:
            writer.change_status(app, lambda status: msgspec.structs.replace(status, schedule="paused"))
        with opened.state.reading() as reader:
            running = reader.lease(app)
    out.print(f"{app} is paused: nothing is sent to it any more, `instep sync` included. `instep start {app}` goes on.")
    if running:
        out.print(f"The cycle of {showing.worker(running.owner)} ends between two requests.")


def restart(
    app: App,
    reset: Annotated[
        list[str] | None,
        typer.Option(
            "--reset",
            metavar="WHAT",
            help="What to forget, repeatable: Watermark, Escrows, QuarantineState, ConnectorDataStore, Full, "
            "ForceDeletes. Without it: Watermark, Escrows and QuarantineState.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Start an app's job over: the next cycle forgets what is named, and looks at everyone again.

    Watermark: everyone is looked at again. Escrows: failures are forgotten. QuarantineState: the quarantine is lifted.
    ConnectorDataStore: the links of everybody in scope, so that they are matched again. Full: all four. ForceDeletes:
    what the guard holds at this moment may pass, as with `instep approve`.
    """
    wanted = _wanted(reset or [])
    with open_job(app) as opened:
        require_token(opened)
        if wanted & {Reset.LINKS, Reset.FORCE_DELETES} and not yes:
            _ask(opened, wanted)
        with opened.state.writing() as writer:
            writer.change_status(app, lambda status: _restarted(status, Reset.QUARANTINE in wanted))
            writer.ask_reset(app, frozenset(wanted & {Reset.LINKS, Reset.ESCROWS, Reset.WATERMARK}))
            passed = _approve_all(writer, app) if Reset.FORCE_DELETES in wanted else 0
    out.print(f"{app} starts over with its next cycle: {', '.join(sorted(wanted)) or 'nothing'} forgotten.")
    if passed:
        out.print(f"{showing.number(passed, 'held decision')} may pass.")
    out.print(f"`instep serve` runs it, or now: instep sync {app}")


def _wanted(given: list[str]) -> set[Reset]:
    if not given:
        return set(USUAL_RESET)
    by_name = {reset.value.casefold(): {reset} for reset in Reset} | {"full": set(FULL_RESET), "none": set()}
    wanted: set[Reset] = set()
    for name in given:
        for word in name.replace(",", " ").split():
            if word.casefold() not in by_name:
                stop(
                    f"{word!r} can't be forgotten; there are: {', '.join([*(r.value for r in Reset), 'Full', 'None'])}"
                )
            wanted |= by_name[word.casefold()]
    return wanted


def _ask(opened: OpenJob, wanted: set[Reset]) -> None:
    if Reset.LINKS in wanted:
        question = f"Forget which account of {opened.name} belongs to whom, and match everybody in scope again?"
        if not confirmed(question, "--yes"):
            stop("nothing was changed")
    if Reset.FORCE_DELETES in wanted:
        held = _held(opened)
        question = f"Let {showing.number(held, 'decision')} pass that the guard holds? (`instep approve` lists them)"
        if held and not confirmed(question, "--yes"):
            stop("nothing was changed")


def _held(opened: OpenJob) -> int:
    with opened.state.reading() as reader:
        return sum(hold.verdict == "waiting" for _, hold in reader.holds(opened.name))


def _approve_all(writer: "StateWriter", app: str) -> int:
    waiting = {hold.digest: "approved" for _, hold in writer.holds(app) if hold.verdict == "waiting"}
    return writer.judge_holds(app, waiting)


def _started(status: JobStatus) -> JobStatus:
    return msgspec.structs.replace(status, schedule="active", quarantine=None, failed_cycles=0)


def _restarted(status: JobStatus, lift: bool) -> JobStatus:
    return _started(status) if lift else msgspec.structs.replace(status, schedule="active")
