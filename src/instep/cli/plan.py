"""`instep plan`: what the next cycle would do and why, and what the guard would hold. Nothing is written anywhere.

The app is only read. Exit codes: 0 a plan was made, 3 the app is out of reach or refuses us, 4 something would
be held or waits already.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import decisions, showing
from instep.cli.job import HELD, UNAVAILABLE, OpenJob, open_job, out, print_json, require_token, stop

if TYPE_CHECKING:
    from instep.core.change import Decision
    from instep.core.plan import Plan
    from instep.ports import LogEntry

SHOWN = 30
"""Subjects that are shown in full unless all are asked for."""


def plan(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    everything: Annotated[bool, typer.Option("--all", help=f"Show every subject, not just the first {SHOWN}.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, always complete.")] = False,
) -> None:
    """Show what the next cycle would do and why, without doing any of it."""
    with open_job(app) as opened:
        require_token(opened)
        if tell(opened, everything, as_json):
            raise typer.Exit(HELD)


def tell(opened: OpenJob, everything: bool = False, as_json: bool = False, token: str | None = None) -> bool:
    """Make the plan of a job's next cycle and print it; whether something would be held, or waits already.

    token: the app's, where none is kept yet. Ends the command when the app is out of reach.
    """
    from instep.ports import AppUnavailable

    try:
        made, skipped, requests = asyncio.run(_preview(opened, token))
    except AppUnavailable as refused:
        stop(showing.plain(str(refused)), UNAVAILABLE)
    with opened.state.reading() as reader:
        planned = {(d.kind, d.subject_id) for d in made.held}
        waiting = sum(
            hold.verdict == "waiting" and (link.kind, link.subject_id) not in planned
            for link, hold in reader.holds(opened.name)
        )
        unsettled = len(reader.intents(opened.name))
    with opened.directory.browse() as browser:
        told = _Told(made, skipped, decisions.Names(browser), requests, waiting, unsettled)
        if as_json:
            print_json(told.json())
        else:
            told.show(everything)
    return bool(made.held or waiting)


async def _preview(opened: OpenJob, token: str | None) -> "tuple[Plan, list[LogEntry], int]":
    from instep import wiring
    from instep.engine.preview import preview
    from instep.engine.progress import Progress

    async with (
        wiring.world(opened.settings, opened.directory, opened.state) as world,
        wiring.target(opened.settings, opened.state, opened.job.app, token) as target,
    ):
        made, skipped = await preview(world, opened.job, target, Progress())
        return made, skipped, target.requests


class _Told:
    """A plan, told to people or to scripts."""

    def __init__(
        self,
        plan: "Plan",
        skipped: "list[LogEntry]",
        names: decisions.Names,
        requests: int,
        waiting: int,
        unsettled: int,
    ) -> None:
        from instep.core.plan import fingerprint

        self._plan = plan
        self._skipped = skipped
        self._names = names
        self._requests = requests
        self._waiting = waiting
        self._unsettled = unsettled
        self._free = list(_free(plan))
        self._fingerprint = fingerprint(d.digest for d in plan.held)

    def json(self) -> dict[str, Any]:
        """All of it."""
        names, held = self._names, self._plan.held
        return {
            "app": self._plan.job,
            "cycle": self._plan.cycle,
            "tally": dict(self._plan.actions) | {"hold": len(held)},
            "decisions": [decisions.decision_json(d, names) for d in self._free],
            "held": [decisions.decision_json(d, names) for d in held],
            "skipped": [decisions.entry_json(entry) for entry in self._skipped],
            "guard": {
                "verdict": dict(self._plan.verdict.held),
                "effects": dict(self._plan.effects),
                "population": {
                    "users": self._plan.population.users,
                    "groups": self._plan.population.groups,
                    "memberships": self._plan.population.memberships,
                },
                "fingerprint": self._fingerprint if held else None,
            },
            "waiting": self._waiting,
            "unsettled": self._unsettled,
            "requests": self._requests,
        }

    def show(self, everything: bool) -> None:
        """Whom what would happen to, then the tally, then what the guard says."""
        most = None if everything else SHOWN
        name = self._plan.job
        out.print(f"What the next cycle of {name} would do ({self._plan.cycle}); nothing is written.\n")
        for decision in self._free[:most]:
            _lines(decisions.decision_lines(decision, self._names))
        _rest(self._free, most)
        for entry in self._skipped[:most]:
            word = "fail" if entry.status == "failure" else "skip"
            out.print(decisions.heading(word, entry.kind, entry.name))
            out.print(f"        {showing.plain(entry.reason)}")
        _rest(self._skipped, most)
        if self._plan.actions:
            out.print()
        out.print(_tally(self._plan.actions, len(self._plan.held)))
        if self._unsettled:
            count = showing.number(self._unsettled, "request")
            out.print(f"{count} of an earlier run has no known outcome; the cycle finds out first and then decides.")
        self._show_held(most)

    def _show_held(self, most: int | None) -> None:
        held, name = self._plan.held, self._plan.job
        if held:
            out.print("\nThe guard would hold:")
            reasons = {**dict.fromkeys(e.always_held for d in held for e in d.effects if e.always_held)}
            for reason in (*self._plan.verdict.held.values(), *reasons):
                out.print(f"  {showing.plain(reason)}")
            out.print()
            for decision in held[:most]:
                _lines(decisions.decision_lines(decision, self._names, "hold"))
            _rest(held, most)
            out.print(
                f"Fingerprint of what would be held: {self._fingerprint}\n"
                f"`instep sync {name}` does the rest and lays this aside; `instep approve {name}` lets it pass."
            )
        if self._waiting:
            out.print(
                f"\n{self._waiting:,} wait for approval since an earlier cycle: `instep approve {name}` lists them."
            )


def _free(plan: "Plan") -> "list[Decision]":
    """The decisions, less the parts that would be held."""
    from instep.core import guard

    held = {(d.kind, d.subject_id): {e.kind for e in d.effects} for d in plan.held}
    parts = (guard.split(d, held.get((d.kind, d.subject_id), ()))[0] for d in plan.decisions)
    return [part for part in parts if part is not None]


def _tally(actions: Any, held: int) -> str:
    if not actions and not held:
        return "Nothing to do: the app is in step with the directory."
    counted = [f"{word} {count:,}" for word, count in sorted(actions.items())]
    return "In all: " + ", ".join(counted + ([f"hold {held:,}"] if held else []))


def _lines(lines: list[Any]) -> None:
    for line in lines:
        out.print(line)


def _rest(shown: Any, most: int | None) -> None:
    if most is not None and len(shown) > most:
        out.print(f"… and {len(shown) - most:,} more (--all shows them)\n")
