"""`instep audit`, `drift` and `unmanaged`: what others changed in an app, and who has an account that nobody manages.

`audit` reads the app, slowly, and writes nothing to it; what is to be set right is left to the next cycle. The other
two show what the last audit found.
"""

import asyncio
import csv
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from instep.cli import decisions, showing
from instep.cli.job import (
    FAILURES,
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

if TYPE_CHECKING:
    from instep.core.drift import AuditSummary, Drift
    from instep.core.unmanaged import Unmanaged
    from instep.engine.progress import Progress

SHOWN = 20

Name = Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WHY = {
    "disabled": "disabled in the directory",
    "deleted": "deleted in the directory",
    "unassigned": "not assigned to the app",
    "out of scope": "passes no scoping filter",
    "has another account": "has another account, which is managed",
    "in scope but not linked": "in scope: the next cycle may adopt it",
    "unknown": "matches nobody",
}


def audit(app: Name, as_json: Json = False) -> None:
    """Read the app, and show what differs from what was set. Sends no change.

    It takes its time: at most a tenth of it is spent asking. Exit codes: 0 done, whatever was found, 1 incomplete, 3
    the app is out of reach or refuses us, 5 an audit of this app runs already.
    """
    from instep.ports import LeaseLost, LeaseTaken

    with open_job(app) as opened:
        require_token(opened)
        signals: list[int] = []
        try:
            summary = asyncio.run(_run(opened, signals))
        except LeaseTaken as taken:
            stop(f"an audit of {app} runs already, by {showing.worker(taken.owner)}", RUNNING)
        except LeaseLost as lost:
            stop(f"another worker took the audit of {app} over: {lost}", RUNNING)
        found = _Found(opened, summary)
        if as_json:
            print_json(found.json())
        else:
            found.show()
    code = {"unavailable": UNAVAILABLE, "incomplete": FAILURES}.get(summary.result, 0)
    if summary.result == "interrupted" and signals:
        code = 128 + signals[0]
    if code:
        raise typer.Exit(code)


def drift(app: Name, as_json: Json = False) -> None:
    """List what others changed in the app, as the last audit found it; what was repaired stays for 30 days."""
    with open_job(app) as opened:
        found = _Found(opened, _last(opened))
        if as_json:
            print_json(found.drift_json())
        else:
            found.show_audit()
            found.show_drift()


def unmanaged(
    app: Name,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
) -> None:
    """List the accounts in the app that nobody manages, as the last audit found them; the worst first."""
    from instep.cli.log_download import cell

    if as_json and as_csv:
        stop("--json and --csv can't be had at once")
    with open_job(app) as opened:
        found = _Found(opened, _last(opened))
        if as_json:
            print_json(found.unmanaged_json())
        elif as_csv:
            rows = found.unmanaged_json()
            heading = ["account", "appId", "active", "reason", "person", "personId", "firstSeen", "lastSeen"]
            csv.writer(sys.stdout).writerows([heading, *([cell(row[column]) for column in heading] for row in rows)])
        else:
            found.show_audit()
            found.show_unmanaged(most=None)


async def _run(opened: OpenJob, signals: list[int]) -> "AuditSummary":
    from instep import wiring
    from instep.engine.audit import run_audit
    from instep.engine.progress import Progress

    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def asked(number: int) -> None:
        signals.append(number)
        stopped.set()
        loop.remove_signal_handler(number)  # a second one ends the process, and loses nothing

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    async with (
        wiring.world(opened.settings, opened.directory, opened.state) as world,
        wiring.target(opened.settings, opened.state, opened.job.app) as target,
    ):
        if not err.is_terminal:
            return await run_audit(world, opened.job, target, Progress(), stopped)
        with err.status(f"Reading {opened.name}") as status:

            def changed(progress: "Progress") -> None:
                status.update(f"Reading {opened.name}: {progress.evaluated:,} read, {progress.requests:,} requests")

            return await run_audit(world, opened.job, target, Progress(changed=changed), stopped)


def _last(opened: OpenJob) -> "AuditSummary":
    with opened.state.reading() as reader:
        summary = reader.audit(opened.name)
    if summary is None:
        stop(f"{opened.name} has never been audited: `instep audit {opened.name}` does it now")
    return summary


class _Found:
    """What an audit found, told to people or to scripts."""

    def __init__(self, opened: OpenJob, summary: "AuditSummary") -> None:
        from instep.core.drift import in_order
        from instep.core.unmanaged import worst_first

        self._name = opened.name
        self._policy = opened.job.app.audit.policy
        self._summary = summary
        with opened.state.reading() as reader:
            self._drift: list[Drift] = in_order(reader.drift(opened.name))
            self._unmanaged: list[Unmanaged] = worst_first(reader.unmanaged(opened.name))
        with opened.directory.browse() as browser:
            names = decisions.Names(browser)
            named = {d.path.removeprefix("members ") for d in self._drift if d.path.startswith("members ")}
            named |= {a.subject_id for a in self._unmanaged if a.subject_id}
            self._names = {i: names.of(i) for i in named}

    def json(self) -> dict[str, Any]:
        """All of it."""
        summary = self._summary
        return {
            "app": self._name,
            "policy": self._policy,
            "began": summary.began.isoformat(),
            "ended": summary.ended and summary.ended.isoformat(),
            "result": summary.result,
            "read": summary.read,
            "requests": summary.requests,
            "counts": dict(summary.counts),
            "message": summary.message,
            "drift": self.drift_json(),
            "unmanaged": self.unmanaged_json(),
        }

    def drift_json(self) -> list[dict[str, Any]]:
        """What differs, a row each."""
        return [
            {
                "kind": d.kind.value,
                "id": d.subject_id,
                "name": d.name,
                "path": d.path,
                "expected": d.expected,
                "found": d.found,
                "regainsAccess": d.regains_access,
                "state": d.state.value,
                "times": d.times,
                "firstSeen": d.first_seen.isoformat(),
                "lastSeen": d.last_seen.isoformat(),
            }
            for d in self._drift
        ]

    def unmanaged_json(self) -> list[dict[str, Any]]:
        """Accounts that nobody manages, a row each."""
        return [
            {
                "account": a.name,
                "appId": a.app_id,
                "active": a.active,
                "reason": a.reason,
                "person": self._names.get(a.subject_id) if a.subject_id else None,
                "personId": a.subject_id,
                "firstSeen": a.first_seen.isoformat(),
                "lastSeen": a.last_seen.isoformat(),
            }
            for a in self._unmanaged
        ]

    def show(self) -> None:
        """All of it, for people."""
        self.show_audit()
        self.show_drift()
        out.print()
        self.show_unmanaged(SHOWN)
        repairing = sum(d.state == "repairing" for d in self._drift)
        if repairing:
            out.print(f"\nThe next cycle sets {repairing:,} right: `instep plan {self._name}` shows how.")
        elif self._policy == "off" and self._drift:
            out.print(f"\nNothing is set right: `instep app set {self._name} --audit repair` would have it done.")

    def show_audit(self) -> None:
        """How the audit went."""
        summary = self._summary
        read = f"{showing.number(summary.read, 'account or group', 'accounts and groups')} read"
        asked = showing.number(summary.requests, "request")
        took = showing.duration((summary.ended - summary.began).total_seconds()) if summary.ended else "not ended"
        when = showing.moment(summary.began)
        out.print(f"Audit of {self._name}, {when}: {summary.result}; {read}, {asked}, {took}.")
        if summary.message:
            out.print(showing.plain(summary.message))

    def show_drift(self) -> None:
        """What differs, by subject."""
        if not self._drift:
            out.print("Nothing differs from what was set.")
        last: tuple[Any, ...] = ()
        for each in self._drift:
            at = (each.state, each.kind, each.subject_id)
            if at != last:
                out.print(self._heading(each))
            last = at
            out.print(self._line(each))

    def show_unmanaged(self, most: int | None) -> None:
        """Accounts that nobody manages; `most` of them, none for all."""
        if not self._unmanaged:
            out.print("Every account is managed.")
            return
        active = sum(a.active for a in self._unmanaged)
        number = showing.number(len(self._unmanaged), "account")
        out.print(f"{number} that nobody manages, {active:,} of them active:")
        out.print("\n".join(self._accounts(self._unmanaged[:most])))
        if most is not None and len(self._unmanaged) > most:
            out.print(f"  … and {len(self._unmanaged) - most:,} more: `instep unmanaged {self._name}`")

    def _heading(self, each: "Drift") -> Text:
        word = "access" if each.regains_access else each.state.value
        text = Text(f"{word:<11}", style="red" if each.regains_access else "yellow" if word == "found" else "")
        text.append(showing.plain(each.name), style="bold")
        text.append(" (group)" if each.kind.value == "Group" else "", style="dim")
        return text

    def _line(self, each: "Drift") -> str:
        since = f"since {showing.moment(each.first_seen)}"
        if each.regains_access:
            said = f"active again, though access was ended ({each.state.value})"
        elif each.path == "id":
            said = f"deleted in the app, where it was {showing.plain(str(each.expected))}"
        elif each.path.startswith("members "):
            who = showing.plain(self._names[each.path.removeprefix("members ")])
            said = f"+ {who}, put in by others" if each.expected is None else f"- {who}, taken out by others"
        else:
            before, after = decisions.value_text(each.expected), decisions.value_text(each.found)
            said = f"{showing.short(each.path)}  {before} → {after}"
        return f"           {said}, {since}"

    def _accounts(self, accounts: "Iterable[Unmanaged]") -> Iterator[str]:
        for each in accounts:
            who = f" ({self._names[each.subject_id]})" if each.subject_id else ""
            state = "" if each.active else ", inactive"
            since = showing.moment(each.first_seen)
            yield showing.plain(f"  {each.name}{state}: {_WHY.get(each.reason, each.reason)}{who}, since {since}")
