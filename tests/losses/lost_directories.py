"""Ways to lose the directory itself, and ways to lose it little by little."""

import shutil
from dataclasses import replace

from tests.losses.firm import (
    ASSIGNED,
    EVERYBODY,
    GROUPS,
    OFFICE,
    PLATFORM,
    SALES,
    SUPPORT,
    Firm,
    mapped,
    people,
    person,
    ruled,
)
from tests.losses.way import EVERYBODY_GOES, NO_GROUPS, way

from instep.core.directory import Assignment
from instep.core.subject import Kind
from instep.stores.directory import DirectoryStore

# ------------------------------------------------------------------------------------- the directory itself

way(
    "everybody deleted",
    "everybody is in the recycle bin",
    "held",
    lambda firm: firm.delete(Kind.USER, EVERYBODY),
    stopped=EVERYBODY_GOES,
)
way(
    "everybody purged",
    "everybody is deleted for good",
    "held",
    lambda firm: firm.purge(Kind.USER, EVERYBODY),
    stopped=NO_GROUPS,
)


async def _bin_emptied(firm: Firm) -> None:
    firm.delete(Kind.USER, SALES)
    await firm.sync()
    firm.world.approve()
    await firm.sync(hours=30 * 24)
    firm.begins_again()
    firm.purge(Kind.USER, SALES)


way(
    "recycle bin emptied",
    "twenty who were deleted a month ago are purged at once",
    "held",
    _bin_emptied,
    stopped=EVERYBODY_GOES,
)


def _another_directory(firm: Firm, ids: tuple[str, ...]) -> None:
    world = firm.world
    world.directory.close()
    for file in world.folder.glob("directory.sqlite*"):
        file.unlink()
    world.directory = DirectoryStore(world.folder / "directory.sqlite")
    world.world = replace(world.world, directory=world.directory)
    if ids:
        firm.imports(people(ids))
        firm.imports_groups({name: [m for m in members if m in ids or m in GROUPS] for name, members in GROUPS.items()})
        firm.edit(lambda edit: [edit.assign(Assignment(f"as-{g}", "app", Kind.GROUP, g)) for g in ASSIGNED])


way(
    "directory begun anew",
    "the directory's file is gone, and an empty one takes its place",
    "held",
    lambda firm: _another_directory(firm, ()),
    stopped=NO_GROUPS,
)
way(
    "directory of others",
    "another directory takes the place of this one, with two thirds of the people",
    "held",
    lambda firm: _another_directory(firm, EVERYBODY[:40]),
)


async def _restored(firm: Firm) -> None:
    """Twenty are hired after the backup, so that the restored directory has never heard of them."""
    world = firm.world
    world.directory.close()
    backup = world.folder / "backup"
    backup.mkdir()
    for file in world.folder.glob("directory.sqlite*"):
        if not file.name.endswith(".mark"):
            shutil.copy(file, backup / file.name)
    world.directory = DirectoryStore(world.folder / "directory.sqlite")
    world.world = replace(world.world, directory=world.directory)
    hired = [f"h{n:02}" for n in range(20)]
    firm.imports(people([*EVERYBODY, *hired]))
    firm.edit(lambda edit: [edit.join("office", Kind.USER, id) for id in hired])
    await firm.sync()
    firm.begins_again()
    world.directory.close()
    for file in world.folder.glob("directory.sqlite*"):
        if not file.name.endswith(".mark"):
            file.unlink()
    for file in backup.iterdir():
        shutil.copy(file, world.folder / file.name)
    world.directory = DirectoryStore(world.folder / "directory.sqlite")
    world.world = replace(world.world, directory=world.directory)


way("directory restored", "the directory is restored from a backup that's older than twenty people", "held", _restored)

# ----------------------------------------------------------------------------------------- little by little


async def _trickle(firm: Firm) -> None:
    """What waits since the first day keeps the second day's trickle back as well."""
    for step in range(10):
        firm.delete(Kind.USER, EVERYBODY[1 + 3 * step : 4 + 3 * step])
        await firm.sync(hours=3)


way(
    "trickle of people",
    "three people are deleted every three hours, for thirty hours",
    "limited",
    _trickle,
    gone={"access": 9},
)


async def _trickle_of_removals(firm: Firm) -> None:
    for id in PLATFORM[:12]:
        firm.leave("platform", [id])
        await firm.sync(hours=2)


way(
    "trickle of memberships",
    "every two hours somebody leaves a nested group, and with it the two above, for a day",
    "limited",
    _trickle_of_removals,
    gone={"memberships": 9, "access": 4},
)


async def _imports_of_a_day(firm: Firm) -> None:
    """Five fewer each time: the import's own limit lets them pass."""
    left = list(EVERYBODY)
    for _ in range(6):
        left = left[:-5]
        firm.imports(people(left))
        assert not firm.refused
        await firm.sync(hours=3)


way(
    "six exports of a day",
    "each of six exports of a day has five people fewer",
    "limited",
    _imports_of_a_day,
    gone={"access": 10},
)


async def _two_halves(firm: Firm) -> None:
    firm.delete(Kind.USER, EVERYBODY[30:])
    await firm.sync()
    firm.delete(Kind.USER, EVERYBODY[:30])


way(
    "two halves",
    "half of the firm is deleted, and the other half an hour later",
    "held",
    _two_halves,
    stopped=EVERYBODY_GOES,
)


async def _few_after_many(firm: Firm) -> None:
    firm.delete(Kind.USER, SUPPORT)
    await firm.sync()
    firm.delete(Kind.USER, OFFICE[:3])


way("few after many", "three are deleted while ten wait already", "held", _few_after_many)


async def _another_after_approval(firm: Firm) -> None:
    firm.delete(Kind.USER, SUPPORT)
    await firm.sync()
    firm.world.approve()
    firm.delete(Kind.USER, SALES[1:])


way(
    "another loss after an approval",
    "ten are approved, and nineteen others deleted before the next cycle",
    "limited",
    _another_after_approval,
    gone={"access": 10},
)


async def _trickle_of_names(firm: Firm) -> None:
    for start in range(4, 24, 4):
        rows = [person(id, userPrincipalName=f"{id}@firma.example") for id in EVERYBODY[:start]]
        firm.imports([*rows, *people(EVERYBODY[start:])])
        await firm.sync(hours=1)


way("trickle of names", "four people an hour get another login name", "limited", _trickle_of_names, gone={"renamed": 8})


async def _upgraded(firm: Firm) -> None:
    firm.world.rules = ruled(mapped("nickName", "[mailNickname]"))
    firm.delete(Kind.USER, OFFICE[:3])


way(
    "few with a change of rules", "three are deleted while the rules change, which halves the limits", "held", _upgraded
)
