"""Who is looked at: from where a cycle follows the directory, and the walk over everyone affected since.

The directory's answer and the job's links are merged in one ascending stream, page by page. A preview and a cycle walk
the same way, so that one shows what the other does. Evaluating is `instep.engine.evaluate`'s.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct

from instep import __version__
from instep.core.guard import Limits, tightened
from instep.core.record import Judging
from instep.core.subject import Kind
from instep.engine.evaluate import Evaluation
from instep.engine.world import Job, World

PAGE = {Kind.USER: 500, Kind.GROUP: 20}
"""Ids per page; fewer groups, since each brings its members."""


class Beginning(Struct, frozen=True):
    """Where a cycle sets out from."""

    since: int | None
    """The directory's number up to which everything is known; none when everyone has to be looked at."""
    limits: Limits
    """The guard's in this cycle: tighter from a change of the rules or of Instep itself until a cycle goes through."""
    judging: Judging
    """What is to be kept of it as the cycle begins."""


async def beginning(world: World, job: Job) -> Beginning:
    """Where the job's next cycle sets out from, as its watermark says, and what its links were judged by."""
    old, kept = await world.state.read(lambda state: (state.watermark(job.name), state.judging(job.name)))
    judging = kept.by(job.rules.version, __version__)
    if judging.changed:
        return Beginning(None, tightened(job.rules.limits), judging)
    if old is None or not old.sequence:
        return Beginning(None, job.rules.limits, judging)

    def same() -> bool:
        with world.directory.reader() as reader:
            return reader.epoch == old.epoch and reader.sequence >= old.sequence

    return Beginning(old.sequence if await world.offload(same) else None, job.rules.limits, judging)


def _goes_on() -> bool:
    return False


async def walk(
    world: World,
    job: Job,
    evaluation: Evaluation,
    since: int | None,
    waiting: Collection[tuple[Kind, str]] = (),
    stopped: Callable[[], bool] = _goes_on,
) -> int | None:
    """Evaluate everyone affected since then, users before groups, and those who are `waiting` for something.

    stopped: asked after each page. Returns the directory's number that was seen; none when it was stopped before the
    end. Raises AppUnavailable.
    """
    look = world.directory.reader()
    reader = await world.offload(look.__enter__)
    try:
        for kind in Kind:
            if not job.rules.of(kind).enabled:
                continue
            linked = [sorted(i for k, i in waiting if k is kind)]
            if since is None:
                linked = await world.state.read(lambda state, k=kind: list(state.link_ids(job.name, k)))
            ids = pages(reader.affected(job.view, kind, since), linked, PAGE[kind])
            while (page := await world.offload(lambda it=ids: next(it, None))) is not None:
                await evaluation.page(reader, kind, page, full=since is None)
                if stopped():
                    return None
        return reader.sequence
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))


def pages(candidates: Iterable[list[str]], linked: Iterable[list[str]], size: int) -> Iterator[list[str]]:
    """Ids of both streams, each once, ascending, in pages. Both come ascending, in pages of any size."""
    page: list[str] = []
    last = ""
    for subject_id in heapq.merge(_flat(candidates), _flat(linked)):
        if subject_id == last:
            continue
        last = subject_id
        page.append(subject_id)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _flat(chunks: Iterable[list[str]]) -> Iterator[str]:
    for chunk in chunks:
        yield from chunk
