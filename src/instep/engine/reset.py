"""Carrying out what a restart asks to be forgotten, at the beginning of the next cycle.

Entra's restart loses removals that weren't synchronised yet. Here it can't: a link is only forgotten when its
subject is in scope, so that it's matched again; whoever is on the way out stays known until access has ended. A link
of which something is held stays too: what the guard held, or an administrator rejected, would be forgotten with it.
"""

from datetime import timedelta

from instep.core.desire import Desired, desire
from instep.core.job import Reset
from instep.core.subject import Kind
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
    """Have all who are in scope matched again, but for those whom something waits for, and those who were written about
    just now: the app may not show them yet."""
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
                    and isinstance(desire(subject, job.rules, now, "", job.default_domain), Desired)
                ]
                await world.state.write(lambda state, them=wanted: state.forget_links(lease, them))
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))
