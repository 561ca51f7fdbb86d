"""How a check of an endpoint looks: its progress, the report for people, and the one for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from instep.checking.catalogue import TITLES
from instep.checking.cost import Cost, cost
from instep.checking.finding import Finding, Result
from instep.checking.grade import HOW, grade, score
from instep.cli.job import err, out, print_json
from instep.cli.showing import duration, number, plain

if TYPE_CHECKING:
    from instep.checking.finding import Check
    from instep.checking.run import Report
    from instep.core.record import Exchange

_STYLES = {
    Result.PASSED: "green",
    Result.FAILED: "bold red",
    Result.WARNING: "yellow",
    Result.NOT_APPLICABLE: "dim",
}
_GRADES = {"A": "bold green", "B": "green", "C": "yellow", "D": "bold red", "F": "bold red"}
_LONGEST = 400
"""Characters of a body in the report for people."""


class Watch:
    """Progress on standard error: a bar in a terminal, nothing elsewhere."""

    def __init__(self, number: int, quiet: bool) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=30),
            TextColumn("{task.description}"),
            console=err,
            transient=True,
            disable=quiet or not err.is_terminal,
        )
        self._task = self._bar.add_task("connecting", total=number)
        self._number, self._done = number, 0
        self._bar.start()

    def seen(self, check: Check, finding: Finding | None) -> None:
        """Called before each check and after it."""
        if finding:
            self._done += 1
        last = self._done == self._number
        self._bar.update(self._task, completed=self._done, description="tidying up" if last else check.title)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


# ------------------------------------------------------------------------------------------ for people


def show(report: Report, users: int, groups: int, memberships: int) -> None:
    """The report for people, on standard output."""
    _say(f"[bold]{_text(report.url)}[/]")
    if report.ended:
        _say(f"[bold red]Not finished: {report.ended}.[/] What follows is what was seen until then.")
    _say("")
    _groups(report.findings)
    for result in (Result.FAILED, Result.WARNING):
        for finding in report.findings:
            if finding.result is result:
                _finding(finding)
    _say("")
    _abilities(report)
    _cost(cost(report.abilities, report.facts, users, groups, memberships))
    _left(report)
    _grade(report)


def _groups(findings: Sequence[Finding]) -> None:
    for group, some in groupby(findings, key=lambda finding: finding.check.group):
        found = list(some)
        parts = [
            f"[{_STYLES[result]}]{amount} {result}[/]"
            for result in Result
            if (amount := sum(finding.result is result for finding in found))
        ]
        _say(f"{TITLES[group]:34}{', '.join(parts)}")


def _finding(finding: Finding) -> None:
    check = finding.check
    _say("")
    _say(f"[{_STYLES[finding.result]}]{finding.result}[/] ({check.severity}) [bold]{_text(check.title)}[/]  {check.id}")
    _say(f"  seen:  {_text(finding.text)}")
    _say(f"  to do: {_text(check.way_out)}")
    _say(f"  see:   {_text(check.source)}")
    for exchange in finding.exchanges[-2:]:
        for line in _lines(exchange):
            _say(f"  [dim]{_text(line)}[/]")


def _lines(exchange: Exchange) -> list[str]:
    status = exchange.status if exchange.status is not None else "no answer"
    lines = [f"> {exchange.method} {exchange.path}"]
    if exchange.body is not None:
        lines.append(f"> {_short(exchange.body)}")
    lines.append(f"< {status}, {exchange.milliseconds} ms")
    if exchange.answer is not None:
        lines.append(f"< {_short(exchange.answer)}")
    return lines


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _abilities(report: Report) -> None:
    able = report.abilities
    said = {
        "a filter narrows": able.trusts_filter,
        "the list is complete": able.trusts_list,
        "duplicates are refused": able.enforces_uniqueness,
        "PATCH of users": able.patch,
        "members ride in a group's creation": able.members_in_create,
        "members are shown": able.reads_members,
        "excludedAttributes=members": able.excluded_attributes,
    }
    known = [f"{name}: {'yes' if true else 'no'}" for name, true in said.items()]
    known += [f"members go by {able.removal}", f"/Bulk: {report.facts.bulk_operations or 'no'}"]
    _say(f"[bold]What it can do[/]  {_text(', '.join(known))}")
    if report.facts.limits:
        _say(f"It tells of a limit: {_text(report.facts.limits)}")
    if report.throttled:
        _say(f"It asked for patience {number(report.throttled, 'time')} (429 or 503).")


def _cost(of: Cost) -> None:
    takes = f", about {duration(of.seconds)}" if of.seconds is not None else ""
    what = f"{of.users:,} users, {of.groups:,} groups and {of.memberships:,} memberships"
    _say(
        f"[bold]What it will cost[/]  a first cycle of {what}: {of.requests:,} requests{takes} "
        f"({of.look_ups:,} look-ups, {of.creations:,} creations, {of.membership_changes:,} changes of members). "
        "Afterwards one request for each who changes, and none when nobody does."
    )


def _left(report: Report) -> None:
    if report.kept:
        _say(f"[bold]Left on purpose[/]  {number(len(report.kept), 'resource')}; all begin with {report.prefix}")
    for each in report.leftovers:
        _say(
            f"[bold red]Not removed[/]  {each.kind} {_text(each.name)} ({_text(each.app_id or 'id unknown')}): "
            f"{_text(each.reason)}"
        )
    if not report.kept and not report.leftovers:
        _say("Everything that was made is removed.")


def _grade(report: Report) -> None:
    letter = grade(report.findings)
    _say("")
    _say(
        f"[{_GRADES.get(letter, 'bold')}]Grade {letter}[/]  {score(report.findings):.0%} of the weight; "
        f"{report.count(Result.PASSED)} passed, {report.count(Result.FAILED)} failed "
        f"({number(len(report.failed_musts), 'must', 'musts')}), {number(report.count(Result.WARNING), 'warning')}, "
        f"{report.count(Result.NOT_APPLICABLE)} not applicable; "
        f"{number(report.requests, 'request')} in {duration(report.seconds)}"
    )
    _say(f"[dim]{HOW}[/]")


def _say(markup: str) -> None:
    out.print(markup, markup=True)


def _text(text: str) -> str:
    """An app's words, as text and nothing else."""
    return escape(plain(text))


# ----------------------------------------------------------------------------------------- for scripts


def as_json(report: Report, users: int, groups: int, memberships: int) -> dict[str, Any]:
    """The report for scripts."""
    estimate = cost(report.abilities, report.facts, users, groups, memberships)
    return {
        "url": report.url,
        "grade": grade(report.findings),
        "score": round(score(report.findings), 3),
        "ended": report.ended,
        "seconds": round(report.seconds, 1),
        "requests": report.requests,
        "throttled": report.throttled,
        "counts": {str(result): report.count(result) for result in Result},
        "findings": [_as_json(finding) for finding in report.findings],
        "abilities": msgspec.structs.asdict(report.abilities),
        "cost": msgspec.structs.asdict(estimate) | {"requests": estimate.requests, "seconds": estimate.seconds},
        "latency": {"readMilliseconds": report.facts.read_ms, "writeMilliseconds": report.facts.write_ms},
        "prefix": report.prefix,
        "kept": list(report.kept),
        "leftovers": [msgspec.structs.asdict(each) for each in report.leftovers],
    }


def _as_json(finding: Finding) -> dict[str, Any]:
    check = finding.check
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity,
        "result": str(finding.result),
        "text": finding.text,
        "source": check.source,
        "toDo": check.way_out,
        "exchanges": [msgspec.structs.asdict(exchange) for exchange in finding.exchanges],
    }


def show_list(checks: Sequence[Check], as_json: bool) -> None:
    """The checks there are."""
    if as_json:
        names = ("id", "title", "severity", "proves", "source", "writes")
        print_json([{name: getattr(each, name) for name in names} for each in checks])
        return
    for group, some in groupby(checks, key=lambda each: each.group):
        _say(f"[bold]{TITLES[group]}[/]")
        for each in some:
            _say(f"  {each.id:28}{each.severity:8}{_text(each.title)}{'' if each.writes else ' (reads only)'}")
