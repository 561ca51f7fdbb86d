"""The health of a job, judged after each cycle: reads what the judgement needs, and keeps what came of it.

What leads to quarantine and out of it is in `core/quarantine.py`.
"""

from datetime import datetime

from instep.core.cause import causes
from instep.core.job import JobStatus
from instep.core.quarantine import PUBLISHED_FAILURES, judge, tally
from instep.ports import App, CycleSummary, State, StateWriter

LOOKED_AT = 5_000
"""How many of a cycle's failures are looked at for their causes, at the most."""


async def judge_health(state: State, app: App, cycle: CycleSummary, now: datetime) -> JobStatus:
    """Judge the job after that cycle, which has ended; its status from now on, which is kept."""
    return await state.write(lambda writer: _judged(writer, app, cycle, now))


def _judged(writer: StateWriter, app: App, cycle: CycleSummary, now: datetime) -> JobStatus:
    name, failed = app.name, cycle.counts.get("failure", 0)
    remains = writer.remains(name, cycle.began)
    managed = references = 0
    if failed:
        managed = sum(number for (_, status), number in writer.counts(name).items() if status == "active")
    if failed >= PUBLISHED_FAILURES:
        references = writer.incomplete(name, cycle.id)
    counted = tally(cycle.counts, remains, managed, references)
    found = causes(writer.log(name, cycle=cycle.id, status="failure", limit=LOOKED_AT)) if failed else ()
    return writer.change_status(name, lambda status: judge(status, cycle, counted, remains, app.quarantine, found, now))
