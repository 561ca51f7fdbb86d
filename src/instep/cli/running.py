"""Running a cycle from a command: here, or by whoever holds the job already, whose progress is followed.

A service and commands may work on the same data. When another process runs the job, it's asked by a wish; the
command waits until that wish is granted and the cycle has ended. When the other one dies, the command takes over.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

from instep.cli import showing
from instep.cli.job import OpenJob, err

if TYPE_CHECKING:
    from instep.core.subject import Kind
    from instep.engine.progress import Progress
    from instep.engine.world import World
    from instep.ports import CycleSummary, LeaseTaken

LOOKS_EVERY = 0.25
"""Seconds between two looks at another process's cycle."""


class Interrupted(Exception):
    """Following was ended by a signal; the other process goes on."""


async def run_or_follow(
    opened: OpenJob, quiet: bool, signals: list[int], subjects: Sequence[tuple[Kind, str]] = ()
) -> CycleSummary:
    """A cycle from its beginning to its end; of these subjects only, when some are given.

    quiet: show no progress. signals: takes the number of a signal that ended it early. Raises LeaseLost, and
    Interrupted when the cycle of another process was being followed.
    """
    from instep import wiring
    from instep.cli.watching import watched
    from instep.core.job import Wish
    from instep.engine.cycle import run_cycle
    from instep.engine.progress import Progress
    from instep.ports import LeaseTaken
    from instep.wiring import serving

    stopped = asyncio.Event()

    def asked(number: int) -> None:
        signals.append(number)
        stopped.set()
        err.print(
            "Stopping: what is under way is finished first. Once more ends it at once; nothing is lost either way."
        )

    async with AsyncExitStack() as parts:
        world = await parts.enter_async_context(wiring.world(opened.settings, opened.directory, opened.state))
        target = await parts.enter_async_context(wiring.target(opened.settings, opened.state, opened.job.app))
        parts.enter_context(stoppable(asked))
        progress: Progress = Progress() if quiet else parts.enter_context(watched(err))
        wish: int | None = None
        if subjects:
            wish = await world.state.write(lambda s: s.wish(Wish(opened.name, world.clock.now(), tuple(subjects))))
        while True:
            try:
                summary = await run_cycle(world, opened.job, target, progress, stopped, on_demand=bool(subjects))
                await serving.conclude(opened.state, opened.job.app, summary)
                return summary
            except LeaseTaken as taken:
                if wish is None:
                    wish = await world.state.write(lambda s: s.wish(Wish(opened.name, world.clock.now())))
                summary = await _follow(world, opened, taken, wish, progress, stopped, quiet)
                if summary:
                    return summary


async def _follow(
    world: World,
    opened: OpenJob,
    taken: LeaseTaken,
    wish: int,
    progress: Progress,
    stopped: asyncio.Event,
    quiet: bool,
) -> CycleSummary | None:
    """The cycle of another process that granted the wish; none when that process let go without granting it."""
    if not quiet:
        err.print(f"{opened.name} is being synchronised by {showing.worker(taken.owner)}: asked it, and following.")
    while not stopped.is_set():
        cycle = await world.state.read(lambda state: state.granted(wish))
        if cycle:
            summaries = await world.state.read(lambda state: state.cycles(opened.name, 50))
            summary = next((each for each in summaries if each.id == cycle), None)
            if summary and summary.ended:
                return summary
        lease = await world.state.read(lambda state: state.lease(opened.name))
        if lease is None or lease.until < world.clock.now() or world.dead(lease.owner):
            return None
        report = await world.state.read(lambda state: state.progress(opened.name))
        if report and report.cycle == cycle:
            progress.evaluated, progress.planned, progress.applied = report.evaluated, report.planned, report.applied
            progress.counts, requests = dict(report.counts), report.requests
            progress.sent = lambda number=requests: number
            progress.enter(report.phase)
        await world.clock.sleep(LOOKS_EVERY)
    raise Interrupted


@contextmanager
def stoppable(asked: Callable[[int], None]) -> Iterator[None]:
    """Calls `asked` at the first SIGINT or SIGTERM; the second one ends the process."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def first(number: int) -> None:
        for each in numbers:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        asked(number)

    for number in numbers:
        loop.add_signal_handler(number, first, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def require_not_paused(opened: OpenJob) -> None:
    """Ends the command when the job is paused."""
    from instep.cli.job import stop

    with opened.state.reading() as reader:
        if reader.status(opened.name).schedule == "paused":
            stop(f"{opened.name} is paused, so nothing is sent to it; `instep start {opened.name}` lets it go on")
