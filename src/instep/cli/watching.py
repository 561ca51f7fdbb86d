"""Watching a cycle: a bar in a terminal, a few plain lines elsewhere. It goes to standard error.

A cycle evaluates first, when nobody knows yet how much there is to do, and then applies; the time left is told
only while applying.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from instep.engine.progress import Progress

PHASES = {
    "starting": "starting",
    "settling": "looking after what an earlier run left open",
    "evaluating": "evaluating",
    "applying": "applying",
    "ended": "ended",
}

EVERY = 10.0
"""Seconds between lines where there's no terminal."""


@contextmanager
def watched(console: Console) -> Iterator[Progress]:
    """The progress to hand to a cycle; it's shown until the block ends."""
    if not console.is_terminal:
        lines = _Lines(console)
        yield Progress(changed=lines.changed)
        return
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        shown = _Shown(bar)
        yield Progress(changed=shown.changed)


def counts(progress: Progress) -> str:
    """`120 of 500, 3 failed, 41/s, 130 requests`."""
    if progress.phase != "applying":
        return f"{progress.evaluated:,} looked at, {progress.planned:,} to do, {progress.requests:,} requests"
    failed = progress.counts.get("failure", 0)
    parts = [f"{progress.applied:,} of {progress.planned:,}"]
    if failed:
        parts.append(f"{failed:,} failed")
    parts.append(f"{progress.requests:,} requests")
    return ", ".join(parts)


class _Rate:
    """How many per second since the applying began."""

    def __init__(self) -> None:
        self._began: float | None = None

    def of(self, progress: Progress) -> str:
        if progress.phase != "applying":
            return ""
        self._began = self._began or time.monotonic()
        seconds = time.monotonic() - self._began
        return f", {progress.applied / seconds:,.0f}/s" if seconds > 1 else ""


class _Shown:
    """A bar that follows a cycle."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._rate = _Rate()
        self._task: TaskID = bar.add_task("starting", total=None, counts="")

    def changed(self, progress: Progress) -> None:
        """Called after each step."""
        # What needs no request is counted as applied only when it was planned.
        total = max(progress.planned, progress.applied) if progress.phase == "applying" else None
        self._bar.update(
            self._task,
            description=PHASES.get(progress.phase, progress.phase),
            total=total or None,
            completed=progress.applied,
            counts=counts(progress) + self._rate.of(progress),
        )


class _Lines:
    """Plain lines: one when a phase has something to tell, and one every ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = _Rate()
        self._phase = ""
        self._last = time.monotonic()

    def changed(self, progress: Progress) -> None:
        """Called after each step."""
        now = time.monotonic()
        begins = progress.phase == "applying" and self._phase != "applying" and progress.planned > 0
        self._phase = progress.phase
        if begins or now - self._last >= EVERY:
            self._last = now
            self._console.print(
                f"{PHASES.get(progress.phase, progress.phase)}: {counts(progress)}{self._rate.of(progress)}"
            )
