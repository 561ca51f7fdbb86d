"""`instep sync`: run a cycle, show how far it is, and sum it up.

Ctrl-C and SIGTERM end it cleanly: what is under way is finished and kept, and the next run goes on from there. A
second one ends the process at once, which loses nothing either: the next run first finds out what became of the
requests that were under way.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import decisions, showing
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
from instep.cli.running import Interrupted, require_not_paused, run_or_follow

if TYPE_CHECKING:
    from instep.ports import CycleSummary, LogEntry

SHOWN = 10
"""Failures that are shown with their reason."""

_WORDS = {
    "create": "created",
    "adopt": "adopted",
    "update": "updated",
    "disable": "disabled",
    "enable": "enabled",
    "delete": "deleted",
    "release": "released",
    "skip": "skipped",
    "failure": "failed",
    "hold": "held",
}


def sync(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and no progress.")] = False,
) -> None:
    """Run a cycle: bring the app in step with the directory.

    Exit codes: 0 in step, 1 some subjects failed, 3 the app is out of reach or refuses us, 4 something waits for
    approval, 5 another worker took the job over. When the service or another command runs the job already, it's asked
    to take up what has changed, and its progress is shown.
    """
    from instep.directory.editing import purge_expired
    from instep.ports import LeaseLost
    from instep.wiring import SystemClock

    with open_job(app) as opened:
        require_token(opened)
        require_not_paused(opened)
        # Who has been in the recycle bin for 30 days is gone for good, and the app is to know it.
        purge_expired(opened.directory, SystemClock().now())
        signals: list[int] = []
        try:
            summary = asyncio.run(run_or_follow(opened, as_json, signals))
        except LeaseLost as lost:
            stop(f"another worker took {app} over, and goes on: {lost}", RUNNING)
        except Interrupted:
            err.print("Following ended; the other process goes on.")
            raise typer.Exit(128 + signals[0]) from None
        ending = _Ending(opened, summary)
        if as_json:
            print_json(ending.json())
        else:
            ending.show()
        code = 128 + signals[0] if signals and summary.result == "interrupted" else ending.code
    if code:
        raise typer.Exit(code)


class _Ending:
    """How a cycle ended, told to people or to scripts."""

    def __init__(self, opened: OpenJob, summary: "CycleSummary") -> None:
        from instep.core.plan import fingerprint

        self._name = opened.name
        self._summary = summary
        with opened.state.reading() as reader:
            self._failures: list[LogEntry] = list(
                reader.log(opened.name, cycle=summary.id, status="failure", limit=SHOWN)
            )
            waiting = [hold.digest for _, hold in reader.holds(opened.name) if hold.verdict == "waiting"]
            self._escrow = len(reader.escrow(opened.name))
        self._waiting = len(waiting)
        self._fingerprint = fingerprint(waiting) if waiting else None

    @property
    def code(self) -> int:
        """The exit code: what is most urgent of what happened."""
        if self._summary.result == "unavailable":
            return UNAVAILABLE
        if self._waiting:
            return HELD
        return FAILURES if self._summary.counts.get("failure") else 0

    @property
    def _seconds(self) -> float:
        ended = self._summary.ended or self._summary.began
        return (ended - self._summary.began).total_seconds()

    def json(self) -> dict[str, Any]:
        """All of it."""
        counts = dict(self._summary.counts)
        return {
            "app": self._name,
            "cycle": self._summary.id,
            "kind": self._summary.kind,
            "result": self._summary.result,
            "message": self._summary.message,
            "requests": counts.pop("requests", 0),
            "counts": counts,
            "seconds": round(self._seconds, 3),
            "failures": [decisions.entry_json(entry) for entry in self._failures],
            "inEscrow": self._escrow,
            "waiting": self._waiting,
            "fingerprint": self._fingerprint,
        }

    def show(self) -> None:
        """The summary, who failed and why, and what to do next."""
        summary, name = self._summary, self._name
        done = [f"{word} {count:,}" for key, word in _WORDS.items() if (count := summary.counts.get(key))]
        requests = showing.number(summary.counts.get("requests", 0), "request")
        about = f"{summary.kind} cycle, {requests}, {showing.duration(self._seconds)}"
        out.print(f"{_headline(summary, name, bool(self._waiting))} ({about})")
        out.print("  " + (", ".join(done) if done else "nothing to do"))
        for entry in self._failures:
            out.print(decisions.heading("fail", entry.kind, entry.name))
            out.print(f"        {showing.plain(entry.reason)}")
        if summary.counts.get("failure", 0) > len(self._failures) > 0:
            out.print(f"… and more: instep log {name} --status failure --cycle {summary.id}")
        if self._escrow:
            people = showing.number(self._escrow, "subject waits", "subjects wait")
            out.print(f"{people} in escrow for another try: `instep status {name}` says who and when.")
        if self._waiting:
            count = showing.number(self._waiting, "decision waits", "decisions wait")
            out.print(f"{count} for approval (fingerprint {self._fingerprint}): `instep approve {name}` lists them.")
        if summary.result == "unavailable":
            err.print(f"error: {showing.plain(summary.message)}")


def _headline(summary: "CycleSummary", name: str, waiting: bool) -> str:
    if summary.result == "interrupted":
        why = f" ({summary.message})" if summary.message else ""
        return f"{name}: interrupted{why}; run it again to go on"
    if summary.result == "unavailable":
        return f"{name}: stopped, since the app is out of reach or refuses us"
    if waiting:
        return f"{name}: the guard holds something"
    if summary.counts.get("failure"):
        return f"{name}: done, but not for everybody"
    return f"{name}: in step"
