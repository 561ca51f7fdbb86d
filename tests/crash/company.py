"""What happens in the made-up company between two cycles: something of everything that leads to a request."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from instep.core.directory import Entry
from instep.core.subject import Kind, Presence
from instep.directory.generate import Company
from instep.stores.directory import DirectoryStore

SEED = 7
SMALL = "small-group"


def before(data: Path, company: Company) -> None:
    """Add to the generated company a group so small that its deletion is no accident in the guard's eyes."""
    store = DirectoryStore(data / "directory.sqlite")
    with store.edit() as edit:
        edit.put(Entry(Kind.GROUP, SMALL, "Two People"))
        for number in (0, 1):
            edit.join(SMALL, Kind.USER, company.id(Kind.USER, number))
    store.close()


def a_day(data: Path, company: Company) -> None:
    """Hires who report to hires, marriages, promotions, moves, leavers in each way, groups made, renamed and deleted.

    One person's time in the recycle bin has run out, so that the next cycle writes to the directory too.
    """
    user = [company.id(Kind.USER, n) for n in range(company.users)]
    group = [company.id(Kind.GROUP, n) for n in range(company.groups)]
    store = DirectoryStore(data / "directory.sqlite")
    with store.edit() as edit:

        def change(number: int, **given: object) -> None:
            found = edit.entry(Kind.USER, user[number])
            assert found
            edit.put(replace(found, attributes={**found.attributes, **given.pop("attributes", {})}, **given))  # type: ignore[arg-type,dict-item]

        last = company.users - 1
        for number in range(6):
            name = f"hire{number}@example.com"
            above = f"hire-{number - 1}" if number else user[0]
            attributes = {"userPrincipalName": name, "displayName": f"Hire {number}", "mail": name}
            edit.put(Entry(Kind.USER, f"hire-{number}", name, attributes, manager=above))
            edit.join(group[number % len(group)], Kind.USER, f"hire-{number}")
        for number in (10, 11, 12):
            change(number, name=f"married{number}@example.com", attributes={"displayName": f"Married {number}"})
        for number in range(20, 36):
            change(number, attributes={"jobTitle": "Principal Engineer"})
        for number in (40, 41, 42):
            change(number, manager=user[43])
        change(last, enabled=False)
        change(last - 1, enabled=False)
        now = datetime.now(UTC)
        change(last - 2, presence=Presence.SOFT_DELETED, deleted=now)
        change(last - 3, presence=Presence.SOFT_DELETED, deleted=now - timedelta(days=31))
        for number in range(len(group)):
            edit.join(group[number], Kind.USER, user[50 + number])
        for number in (0, 1):
            edit.leave(group[number], user[number])
        edit.put(Entry(Kind.GROUP, "new-group", "Everybody Who Is New"))
        for number in range(6):
            edit.join("new-group", Kind.USER, f"hire-{number}")
        renamed = edit.entry(Kind.GROUP, group[0])
        assert renamed
        edit.put(replace(renamed, name="Renamed"))
        edit.purge(Kind.GROUP, [SMALL])
    store.close()
