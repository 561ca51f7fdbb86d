"""Carrying out what a restart asks to be forgotten, at the beginning of the next cycle.

Entra's restart loses removals that weren't synchronised yet. Here it can't: a link is only forgotten when its
subject is in scope, so that it's matched again; whoever is on the way out stays known until access has ended. A link
of which something is held stays too: what the guard held, or an administrator rejected, would be forgotten with it.
"""

from datetime import datetime, timedelta

from instep.core.desire import Desired, desire
from instep.core.job import Reset
from instep.core.key import key
from instep.core.link import Link
from instep.core.subject import Kind, Subject
from instep.engine.affected import PAGE, pages
from instep.engine.lease import LeaseKeeper
from instep.engine.settle import Settlement
from instep.engine.world import Job, World


async def carry_out_reset(world: World, job: Job, keeper: LeaseKeeper, settlement: Settlement) -> None:
    """Forget what was asked for since the last cycle. Raises AppUnavailable, LeaseLost."""
    asked = await world.state.read(lambda state: state.asked(job.name))
    if not asked.reset:
        return
    if Reset.LINKS in asked.reset:
        # An open intent is about an account that its link knows.
        await settlement.all()
        await _forget_links(world, job, keeper)
    lease = keeper.lease
    await world.state.write(lambda state: state.carry_out_reset(lease, asked.reset))


async def _forget_links(world: World, job: Job, keeper: LeaseKeeper) -> None:
    """Forget the links of all who will be found again: by the value that the app has, and that its reads show by now.

    Whoever is about to be renamed, or was written about just now, stays known: matching would miss them, and make a
    second account."""
    look = world.directory.reader()
    reader = await world.offload(look.__enter__)
    now, lease = world.clock.now(), keeper.lease
    lagging = now - timedelta(seconds=world.read_lag_seconds)
    try:
        for kind in Kind:
            linked = await world.state.read(lambda state, k=kind: list(state.link_ids(job.name, k)))
            for page in pages([], linked, PAGE[kind]):
                subjects = await world.offload(lambda k=kind, ids=page: reader.subjects(job.view, k, ids))
                links, fresh = await world.state.read(
                    lambda state, k=kind, ids=page: (
                        state.links(job.name, k, ids),
                        state.touched(job.name, ids, lagging),
                    )
                )
                wanted = [
                    (kind, subject.id)
                    for subject in subjects
                    if subject.id not in fresh
                    and not links[subject.id].hold
                    and _is_found(job, subject, links[subject.id], now)
                ]
                await world.state.write(lambda state, them=wanted: state.forget_links(lease, them))
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))


def _is_found(job: Job, subject: Subject, link: Link, now: datetime) -> bool:
    """Whether the subject is in scope, and the app has its account under a value that it's looked up by."""
    wish = desire(subject, job.rules, now, link.seed, job.default_domain)
    if not isinstance(wish, Desired):
        return False
    return any(
        path not in link.unknown and path in link.sent and key(link.sent[path]) == key(value)
        for path, value in wish.matches
    )
