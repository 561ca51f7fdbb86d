"""`instep report`: what happened to whom in a stretch of time, and how long those who left kept their access.

It reads the log, the links and the directory's moments; the app isn't asked. People who still have access though
they shouldn't come first, whenever that began. Rows are written as they come: a long log takes no memory.
"""

import csv
import heapq
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import moments, showing
from instep.cli.decisions import COLOURS
from instep.cli.job import find_app, open_stores, out, stop
from instep.cli.log_download import cell
from instep.core.report import HEADINGS, Departure, ReportRow, Stretches
from instep.core.subject import Kind

if TYPE_CHECKING:
    from instep.ports import LogEntry
    from instep.stores.directory.browser import Browser
    from instep.stores.state.reading import SqlStateReader

COLUMNS = ("heading", "kind", "id", "name", "appId", "times", "at", "action", "code", "reason", "known", "ended",
           "keptSeconds")  # fmt: skip
_SHOWN = 20
_ENDS = ("disable", "delete")
_RECENT = 50
"""How many of a person's newest entries are searched for why access is to end."""


def report(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    since: Annotated[str, typer.Option("--since", metavar="TIME", help=f"From then on: {moments.HELP}.")] = "7d",
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then; now unless given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
) -> None:
    """Show who was created, changed, ended, failed and held, and how long each leaver kept access.

    Access counts from the moment the directory knew that it had to end, until the app acknowledged the end.
    """
    if as_json and as_csv:
        stop("--json and --csv can't be had at once")
    now = datetime.now(UTC)
    begin, end = moments.given("--since", since, now) or now, moments.given("--until", until, now) or now
    if end <= begin:
        stop(f"--until must be later than --since; that's {showing.moment(begin)}")
    with open_stores() as (_, directory, state), state.reading() as reader, directory.browse() as browser:
        if reader.app(app) is None and app not in reader.logged_jobs():
            find_app(state, app)
        told = _Report(reader, browser, app, begin, end, now)
        if as_json:
            for line in told.json():
                typer.echo(line)
        elif as_csv:
            csv.writer(sys.stdout).writerows(told.csv())
        else:
            told.show()


class _Report:
    """One report, read from one look."""

    def __init__(
        self, reader: "SqlStateReader", browser: "Browser", app: str, since: datetime, until: datetime, now: datetime
    ) -> None:
        self._reader = reader
        self._browser = browser
        self._app = app
        self._since, self._until, self._now = since, until, now
        self._still = list(self._still_there())

    def show(self) -> None:
        """For people: who still has access, how long it took, and the names under each heading."""
        out.print(f"{self._app}, {showing.moment(self._since)} to {showing.moment(self._until)}", style="bold")
        if self._still:
            out.print(
                f"{showing.number(len(self._still), 'person', 'people')} who should have no access still have it:"
            )
            for departure in self._still[:_SHOWN]:
                self._show_departure(departure)
            self._show_more(len(self._still))
        self._show_ended()
        tally = self._reader.tally(self._app, self._since, self._until)
        for heading in HEADINGS:
            if number := tally.get(heading, 0):
                self._show_heading(heading, number)
        if not tally and not self._still:
            out.print("Nothing happened.")

    def json(self) -> Iterator[str]:
        """One object, line by line."""
        tally = self._reader.tally(self._app, self._since, self._until)
        head = {
            "app": self._app,
            "since": self._since.isoformat(),
            "until": self._until.isoformat(),
            "counts": {heading: tally.get(heading, 0) for heading in HEADINGS},
            "stillHaveAccess": [self._departure_json(d) for d in self._still],
        }
        yield _text(head)[:-1] + ', "leavers": ['
        yield from _separated(_text(self._departure_json(d)) for d in self._departures())
        yield '], "subjects": ['
        yield from _separated(_text(_row_json(row)) for row in self._rows())
        yield "]}"

    def csv(self) -> Iterator[list[str]]:
        """A heading line, then a row for each person and heading; those who still have access first."""
        yield list(COLUMNS)
        for departure in (*self._still, *self._departures()):
            heading = "ended" if departure.ended else f"still has access, {departure.state}"
            yield _cells({"heading": heading} | self._departure_json(departure))
        for row in self._rows():
            if row.heading != "ended" or row.kind is Kind.GROUP:  # people's are above, each with its time
                yield _cells(_row_json(row))

    def _rows(self) -> Iterator[ReportRow]:
        return self._reader.report(self._app, self._since, self._until)

    def _departures(self) -> Iterator[Departure]:
        """Those whose access ended in this time."""
        for entry in self._reader.departures(self._app, self._since, self._until):
            if entry.kind is Kind.USER:
                known = self._known(entry.ended_by)
                yield Departure(entry.kind, entry.subject_id, entry.name, "ended", known, entry.at, entry.action)

    def _known(self, change: int) -> datetime | None:
        return self._browser.moment(change) if change else None

    # -------------------------------------------------------------------------------- who still has access

    def _still_there(self) -> list[Departure]:
        """People who should have lost access and haven't: the guard holds it, or the app refused. Longest first."""
        found = [*self._held(), *self._failing()]
        return sorted(found, key=lambda d: d.kept(self._now) or timedelta(), reverse=True)

    def _held(self) -> Iterator[Departure]:
        for link, hold in self._reader.holds(self._app):
            ends = [kind for kind in hold.kind.split(",") if kind in _ENDS]
            if link.kind is not Kind.USER or not ends:
                continue
            entry = self._newest(link.kind, link.subject_id, ("hold",))
            known = self._known(entry.ended_by) if entry else None
            verdict = " (rejected)" if hold.verdict == "rejected" else ""
            yield Departure(
                link.kind, link.subject_id, link.name, "held", known or hold.since, None, ends[0], hold.reason + verdict
            )

    def _failing(self) -> Iterator[Departure]:
        for link in self._reader.escrow(self._app):
            if link.kind is not Kind.USER or not link.alive or link.status != "active" or not link.failures:
                continue
            entry = self._newest(link.kind, link.subject_id, ())
            if entry is None or entry.status != "failure" or entry.action not in _ENDS:
                continue
            known = self._known(entry.ended_by) or link.first_failure
            yield Departure(
                link.kind, link.subject_id, link.name, "failing", known, None, entry.action, link.last_error
            )

    def _newest(self, kind: Kind, subject_id: str, actions: tuple[str, ...]) -> "LogEntry | None":
        """The newest entry about that very subject, of one of these actions where they are given."""
        about = self._reader.log(self._app, person=subject_id, newest_first=True, limit=_RECENT)
        fitting = (e for e in about if (e.kind, e.subject_id) == (kind, subject_id))
        return next((e for e in fitting if not actions or e.action in actions), None)

    # ---------------------------------------------------------------------------------------- for people

    def _show_ended(self) -> None:
        stretches = Stretches()

        def measured() -> Iterator[tuple[timedelta, int, Departure]]:
            for place, departure in enumerate(self._departures()):
                kept = departure.kept(self._now)
                stretches.add(kept)
                yield kept or timedelta(-1), place, departure

        longest = heapq.nlargest(_SHOWN, measured())
        if not longest:
            return
        people = showing.number(stretches.people, "person", "people")
        if stretches.mean is not None:
            mean, most = (showing.duration(each.total_seconds()) for each in (stretches.mean, stretches.longest))
            said = f", {mean} after the directory knew"
            said += f" on average, {most} at most" if stretches.people > 1 else ""
        else:
            said = ""
        out.print(f"Access ended for {people}{said}:")
        for _, _, departure in longest:
            self._show_departure(departure)
        self._show_more(stretches.people)

    def _show_departure(self, departure: Departure) -> None:
        kept = departure.kept(self._now)
        long = showing.duration(kept.total_seconds()) if kept is not None else "not known how long"
        word = departure.action if departure.ended else departure.state
        since = f", since {showing.moment(departure.known)}" if departure.known and not departure.ended else ""
        why = f"  {showing.plain(departure.reason)}" if departure.reason else ""
        style = COLOURS.get({"held": "hold", "failing": "fail"}.get(word, word), "")
        out.print(f"  {word:<8}", style=style, end="")
        out.print(f"{showing.plain(departure.name)}  {long}{since}{why}")

    def _show_more(self, number: int) -> None:
        if number > _SHOWN:
            out.print(f"  and {number - _SHOWN:,} more: --json and --csv name them")

    def _show_heading(self, heading: str, number: int) -> None:
        rows = self._reader.report(self._app, self._since, self._until, heading, _SHOWN)
        named = [row.name + (f" ({row.times} times)" if row.times > 1 else "") for row in islice(rows, _SHOWN)]
        rest = f" and {number - len(named):,} more" if number > len(named) else ""
        out.print(f"{heading:<9}{number:>7,}  {', '.join(map(showing.plain, named))}{rest}")

    def _departure_json(self, departure: Departure) -> dict[str, Any]:
        kept = departure.kept(self._now)
        return {
            "kind": departure.kind.value,
            "id": departure.subject_id,
            "name": departure.name,
            "state": departure.state,
            "action": departure.action,
            "reason": departure.reason,
            "known": departure.known and departure.known.isoformat(),
            "ended": departure.ended and departure.ended.isoformat(),
            "keptSeconds": None if kept is None else round(kept.total_seconds(), 3),
        }


def _row_json(row: ReportRow) -> dict[str, Any]:
    return {
        "heading": row.heading,
        "kind": row.kind.value,
        "id": row.subject_id,
        "name": row.name,
        "appId": row.app_id,
        "times": row.times,
        "at": row.at.isoformat(),
        "action": row.action,
        "code": row.code,
        "reason": row.reason,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    return [cell(row.get(column)) for column in COLUMNS]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _separated(texts: Iterable[str]) -> Iterator[str]:
    """The elements of a JSON list, a line each."""
    before = ""
    for text in texts:
        yield before + text
        before = ", "
