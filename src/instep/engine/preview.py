"""A preview: the same evaluation as a cycle's, and nothing is written anywhere.

It reads the directory, the links and, where a look-up is needed, the app. What an earlier crash left open is
only named: settling it is a write.
"""

from instep.core import guard
from instep.core.change import Decision
from instep.core.plan import Plan, action
from instep.engine.affected import beginning, walk
from instep.engine.evaluate import Evaluation
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.scale import measure
from instep.engine.spool import ListedSpool
from instep.engine.world import Job, World
from instep.ports import LogEntry, Target


async def preview(world: World, job: Job, target: Target, progress: Progress) -> tuple[Plan, list[LogEntry]]:
    """What the next cycle would do, and whom it would skip and why. Raises AppUnavailable."""
    now, spool = world.clock.now(), ListedSpool()
    lookup = Lookup(world, job, target, may_create_first=False)
    evaluation = Evaluation(world, job, lookup, spool, "preview", now, progress)
    begins = await beginning(world, job)
    progress.enter("evaluating")
    due = await world.state.read(lambda state: state.due(job.name, now))
    await walk(world, job, evaluation, begins.since, waiting=due)
    scale = await measure(world, job, now)
    verdict = guard.judge(evaluation.effects, scale, begins.limits)
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
            "initial" if begins.since is None else "incremental",
            tuple(e.decision for e in entries),
            actions,
            evaluation.effects,
            scale.population,
            verdict,
            tuple(held),
        ),
        skipped,
    )
