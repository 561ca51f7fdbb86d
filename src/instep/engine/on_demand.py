"""On demand: one person, or a group with all its members, as a preview or for real.

For real it's a cycle whose subjects come from a wish (`engine/cycle.py`); here is what is needed before.
"""

from collections.abc import Sequence

from instep.core.subject import Kind
from instep.engine.affected import PAGE, pages
from instep.engine.evaluate import Evaluated, Evaluation
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.spool import ListedSpool
from instep.engine.world import Job, World
from instep.ports import Target


async def with_members(world: World, job: Job, subject: tuple[Kind, str]) -> list[tuple[Kind, str]]:
    """The subject; of a group, its members too (as the job flattens them), who go before it."""
    kind, subject_id = subject
    if kind is Kind.USER:
        return [subject]

    def members() -> tuple[str, ...]:
        with world.directory.reader() as reader:
            return reader.subjects(job.view, Kind.GROUP, [subject_id])[0].members

    return [*((Kind.USER, member) for member in await world.offload(members)), subject]


async def preview_of(world: World, job: Job, target: Target, subjects: Sequence[tuple[Kind, str]]) -> list[Evaluated]:
    """What would be done about these subjects now; nothing is written anywhere. Raises AppUnavailable."""
    lookup = Lookup(world, job, target, may_create_first=False)
    evaluation = Evaluation(world, job, lookup, ListedSpool(), "preview", world.clock.now(), Progress())
    look = world.directory.reader()
    reader = await world.offload(look.__enter__)
    evaluated: list[Evaluated] = []
    try:
        for kind in Kind:
            ids = sorted(i for k, i in subjects if k is kind)
            for page in pages([ids], [], PAGE[kind]):
                evaluated += await evaluation.look(reader, kind, page)
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))
    return evaluated
