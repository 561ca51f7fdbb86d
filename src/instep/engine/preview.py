"""A preview: the same evaluation as a cycle's, and nothing is written anywhere.

It reads the directory, the links and, where a look-up is needed, the app. What an earlier crash left open is
only named: settling it is a write.
"""

from instep.core import guard
from instep.core.change import Decision
from instep.core.plan import Plan, action
from instep.core.subject import Kind
from instep.engine.affected import PAGE, pages
from instep.engine.cycle import measure
from instep.engine.evaluate import Evaluation
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.spool import ListedSpool
from instep.engine.world import Job, World
from instep.ports import LogEntry, Target


async def preview(world: World, job: Job, target: Target, progress: Progress) -> tuple[Plan, list[LogEntry]]:
    """What the next cycle would do, and whom it would skip and why. Raises AppUnavailable."""
    old = await world.state.read(lambda state: state.watermark(job.name))
    now, spool = world.clock.now(), ListedSpool()
    lookup = Lookup(world, job, target, may_create_first=False)
    evaluation = Evaluation(world, job, lookup, spool, "preview", now, progress)
    look = world.directory.reader()
    reader = await world.offload(look.__enter__)
    try:
        same = old is not None and (old.epoch, old.rules_version) == (reader.epoch, job.rules.version)
        since = old.sequence if old and same and 0 < old.sequence <= reader.sequence else None
        progress.enter("evaluating")
        due = await world.state.read(lambda state: state.due(job.name, now))
        for kind in Kind:
            if not job.rules.of(kind).enabled:
                continue
            waiting = [sorted(i for k, i in due if k is kind)]
            links = (
                waiting
                if since is not None
                else await world.state.read(lambda state, k=kind: list(state.link_ids(job.name, k)))
            )
            ids = pages(reader.affected(job.view, kind, since), links, PAGE[kind])
            while (page := await world.offload(lambda it=ids: next(it, None))) is not None:
                await evaluation.page(reader, kind, page, full=since is None)
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))
    population, last_day, empty = await measure(world, job, now)
    verdict = guard.judge(evaluation.effects, population, last_day, job.rules.limits, empty)
    progress.enter("ended")
    held: list[Decision] = []
    entries = spool.ordered()
    actions: dict[str, int] = {}
    for entry in entries:
        free, guarded = guard.split(entry.decision, {} if entry.approved else verdict.held_kinds(entry.decision))
        if guarded:
            held.append(guarded)
        if free:
            word = action(free.change)
            actions[word] = actions.get(word, 0) + 1
    skipped = [record.log for record in spool.kept if record.log]
    for log in skipped:
        word = "failure" if log.status == "failure" else "skip"
        actions[word] = actions.get(word, 0) + 1
    return (
        Plan(
            job.name,
            "initial" if since is None else "incremental",
            tuple(e.decision for e in entries),
            actions,
            evaluation.effects,
            population,
            verdict,
            tuple(held),
        ),
        skipped,
    )
