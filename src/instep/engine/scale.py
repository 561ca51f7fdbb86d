"""The scale: what the guard measures a cycle's effects against, read from the state and the directory."""

from datetime import datetime

from instep.core.guard import DAY, Scale
from instep.engine.world import Job, World


async def measure(world: World, job: Job, now: datetime) -> Scale:
    """The scale as of now. Asked only when something guarded is planned: it looks at more than what changed."""

    def empty() -> bool:
        with world.directory.reader() as reader:
            return not reader.populated(job.view)

    return Scale(
        population=await world.state.read(lambda state: state.population(job.name)),
        last_day=await world.state.read(lambda state: state.effects_since(job.name, now - DAY)),
        waiting=await world.state.read(lambda state: state.waiting_effects(job.name)),
        source_empty=await world.offload(empty),
    )
