"""`instep status`: how an app stands: in step or behind, its last cycles, and whoever waits for something.

It reads the stores alone; the app isn't asked.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import decisions, showing
from instep.cli.job import OpenJob, open_job, out, print_json

if TYPE_CHECKING:
    from instep.core.link import Hold, Link
    from instep.ports import CycleSummary, Intent, Lease, Watermark

SHOWN = 20
CYCLES = 5


def status(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how an app stands: last cycles, links, escrow, what is held, who runs it."""
    with open_job(app) as opened:
        standing = _Standing(opened)
    if as_json:
        print_json(standing.json())
    else:
        standing.show()


class _Standing:
    """How a job stands, all from one look."""

    def __init__(self, opened: OpenJob) -> None:
        from instep.core.plan import fingerprint

        self._name, self._app = opened.name, opened.job.app
        with opened.state.reading() as reader:
            watermark = reader.watermark(opened.name)
            self._cycles: list[CycleSummary] = reader.cycles(opened.name, CYCLES)
            self._counts = reader.counts(opened.name)
            self._escrow: list[Link] = reader.escrow(opened.name)
            self._holds: list[tuple[Link, Hold]] = reader.holds(opened.name)
            self._intents: list[Intent] = reader.intents(opened.name)
            self._lease: Lease | None = reader.lease(opened.name)
        self._behind, self._place = _behind(opened, watermark)
        waiting = [hold.digest for _, hold in self._holds if hold.verdict == "waiting"]
        self._fingerprint = fingerprint(waiting) if waiting else None

    def json(self) -> dict[str, Any]:
        """All of it."""
        lease = self._running
        return {
            "app": self._name,
            "displayName": self._app.display_name,
            "tenantUrl": self._app.tenant_url,
            "place": self._place,
            "changesBehind": self._behind,
            "cycles": [
                {
                    "id": c.id,
                    "kind": c.kind,
                    "began": c.began.isoformat(),
                    "ended": c.ended and c.ended.isoformat(),
                    "result": c.result,
                    "message": c.message,
                    "counts": dict(c.counts),
                }
                for c in self._cycles
            ],
            "links": {f"{kind.value} {word}": number for (kind, word), number in sorted(self._counts.items())},
            "escrow": [
                {
                    "kind": link.kind.value,
                    "id": link.subject_id,
                    "name": link.name,
                    "error": link.last_error,
                    "failures": link.failures,
                    "nextTry": link.next_try and link.next_try.isoformat(),
                }
                for link in self._escrow
            ],
            "held": [
                {
                    "kind": link.kind.value,
                    "id": link.subject_id,
                    "name": link.name,
                    "effects": hold.kind.split(","),
                    "reason": hold.reason,
                    "since": hold.since.isoformat(),
                    "verdict": hold.verdict,
                }
                for link, hold in self._holds
            ],
            "fingerprint": self._fingerprint,
            "running": lease and {"owner": lease.owner, "until": lease.until.isoformat()},
            "openIntents": len(self._intents),
        }

    def show(self) -> None:
        """The same for people."""
        out.print(f"{self._name}: {self._app.display_name}, {self._app.tenant_url}\n{self._place}.")
        if self._running:
            until = showing.moment(self._running.until)
            out.print(f"A cycle is running: {showing.worker(self._running.owner)}, lease until {until}.")
        if self._intents:
            names = showing.listed(i.name for i in self._intents)
            out.print(f"{showing.number(len(self._intents), 'request')} without a known outcome: {names}.")
            out.print("  A cycle reads the app first to find out." if not self._running else "  They are under way.")
        if self._counts:
            counted = (
                f"{number:,} {_people(kind.value, number)} {word}"
                for (kind, word), number in sorted(self._counts.items())
            )
            out.print(f"Links: {', '.join(counted)}.")
        self._show_cycles()
        self._show_escrow()
        self._show_holds()

    def _show_cycles(self) -> None:
        if self._cycles:
            out.print("\nLast cycles:")
        for cycle in self._cycles:
            counts = ", ".join(f"{word} {number:,}" for word, number in cycle.counts.items())
            took = f", {showing.duration((cycle.ended - cycle.began).total_seconds())}" if cycle.ended else ""
            out.print(f"  {showing.moment(cycle.began)}  {cycle.kind:<11} {cycle.result:<11} {counts}{took}")
            out.print(f"    {cycle.id}{': ' + showing.plain(cycle.message) if cycle.message else ''}", style="dim")

    def _show_escrow(self) -> None:
        if self._escrow:
            out.print(f"\nIn escrow, {len(self._escrow):,}:")
        for link in self._escrow[:SHOWN]:
            again = f"next try {showing.moment(link.next_try)}" if link.next_try else "given up until something changes"
            out.print(decisions.heading("wait", link.kind, link.name))
            out.print(f"        {showing.plain(link.last_error)}")
            out.print(f"        {showing.number(link.failures, 'failure')}, {again}", style="dim")
        _rest(self._escrow)

    def _show_holds(self) -> None:
        waiting = [(link, hold) for link, hold in self._holds if hold.verdict == "waiting"]
        judged = [(link, hold) for link, hold in self._holds if hold.verdict != "waiting"]
        if waiting:
            out.print(f"\nHeld by the guard, {len(waiting):,} (fingerprint {self._fingerprint}):")
        for link, hold in waiting[:SHOWN]:
            out.print(decisions.heading("hold", link.kind, link.name), f"  {hold.kind.replace(',', ', ')}")
            out.print(f"        {showing.plain(hold.reason)}; since {showing.moment(hold.since)}", style="dim")
        _rest(waiting)
        if waiting:
            out.print(f"`instep approve {self._name}` lets them pass, `instep reject {self._name}` drops them.")
        for verdict in ("approved", "rejected"):
            names = [link.name for link, hold in judged if hold.verdict == verdict]
            if names:
                out.print(f"\nAlready {verdict}: {showing.listed(names)}.")

    @property
    def _running(self) -> "Lease | None":
        """The lease, if its holder can still be at work."""
        from instep.engine.world import is_dead

        lease = self._lease
        if lease is None or lease.until <= datetime.now(UTC) or is_dead(lease.owner):
            return None
        return lease


def _behind(opened: OpenJob, watermark: "Watermark | None") -> tuple[int | None, str]:
    """How many changes of the directory haven't been looked at, and that in words; none when everyone has to be."""
    with opened.directory.reader() as reader:
        epoch, sequence = reader.epoch, reader.sequence
    if watermark is None or not watermark.sequence:
        return None, "No cycle has gone through yet: the next one looks at everyone"
    if watermark.epoch != epoch or watermark.sequence > sequence:
        return None, "The directory was restored or replaced: the next cycle looks at everyone"
    if watermark.rules_version != opened.job.rules.version:
        return None, "The rules have changed: the next cycle looks at everyone"
    behind = sequence - watermark.sequence
    if not behind:
        return 0, "The directory hasn't changed since the last cycle"
    return behind, f"{showing.number(behind, 'change')} of the directory behind"


def _people(kind: str, number: int) -> str:
    return f"{kind.lower()}{'' if number == 1 else 's'}"


def _rest(shown: Any) -> None:
    if len(shown) > SHOWN:
        out.print(f"  … and {len(shown) - SHOWN:,} more (--json has all)")
