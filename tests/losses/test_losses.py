"""Forty ways and more to lose the source, each with an ordinary day's changes beside it: nobody loses anything without
a person's word but what the guard's limits let pass, whoever is concerned is listed by name, and the day goes on."""

import inspect

import pytest
import tests.losses.lost_directories
import tests.losses.lost_exports
import tests.losses.lost_grants
import tests.losses.lost_rules  # noqa: F401
from tests.losses.firm import ORDINARY, Firm
from tests.losses.lost import Held, Lost, lost
from tests.losses.mould import Mould
from tests.losses.way import WAYS, Way

from instep.core.guard import NOTHING_HELD


@pytest.fixture(scope="module")
def mould(tmp_path_factory: pytest.TempPathFactory) -> Mould:
    return Mould(tmp_path_factory.mktemp("mould"))


async def lose(way: Way, firm: Firm) -> Held:
    """The way's losses and the ordinary day, and a cycle; returns what the app held before."""
    before = firm.held()
    losing = way.lose(firm)
    if inspect.isawaitable(losing):
        await losing
    firm.ordinary_day()
    await firm.sync()
    return firm.before or before


async def unguarded(way: Way, mould: Mould, monkeypatch: pytest.MonkeyPatch) -> Lost:
    """What would be lost without a guard."""
    with monkeypatch.context() as patch, mould.firm(way.kind, dict(way.before)) as firm:
        patch.setattr("instep.engine.cycle.judge", lambda *given: NOTHING_HELD)
        before = await lose(way, firm)
        return lost(before, firm.held())


@pytest.fixture(params=WAYS, ids=lambda name: name.replace(" ", "-"))
async def way(request: pytest.FixtureRequest, mould: Mould) -> Way:
    chosen = WAYS[request.param]
    await mould.cast(chosen.kind, dict(chosen.before))
    return chosen


async def test_nothing_is_lost(way: Way, mould: Mould, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what the limits let go; and then a rejection leaves it so, and an approval lets go what was listed."""
    would = await unguarded(way, mould, monkeypatch)
    with mould.firm(way.kind, dict(way.before)) as firm:
        before = await lose(way, firm)
        after, waiting = firm.held(), firm.waiting()
        gone = lost(before, after)
        assert gone.counts == way.gone
        assert firm.day_went_on() == ORDINARY - way.stopped
        assert bool(firm.refused) == (way.expected == "refused")
        if way.expected in ("refused", "untouched"):
            assert (would, waiting) == (Lost(), frozenset())
            return
        assert waiting
        if not way.refused_by_app:
            assert waiting == would.less(gone).concerned
            assert firm.members_waiting() == would.less(gone).memberships
        firm.world.approve("rejected")
        await firm.sync()
        assert (firm.held(), firm.waiting()) == (after, frozenset())
        firm.world.approve()
        await firm.sync()
        assert lost(before, firm.held()) == would


def test_there_are_forty_ways_and_the_guard_is_what_stops_thirty() -> None:
    """That they do take something away without it, `test_nothing_is_lost` has seen of each: it lists who would go."""
    assert len(WAYS) >= 40
    stopped = [way for way in WAYS.values() if way.expected in ("held", "limited") and not way.refused_by_app]
    assert len(stopped) >= 30
