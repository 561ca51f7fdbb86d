"""What must hold, whatever goes wrong: the invariants.

I1 the app holds what the company says, for everybody who is managed; I2 nobody has two accounts, and no account changes
its owner; I3 nobody else's account was touched; I4 nobody lost anything without a reason in the source and the guard's
leave; I5 each effect is in the log; I6 it comes to rest; I7 no secret is in any byte that was written.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.simulator.app import Effect, ModelApp, members_of, owner_of
from tests.simulator.company import Company, Reading, Wanted
from tests.simulator.story import Event

from instep.core.link import Link
from instep.core.record import LogEntry
from instep.hostile.attributes import get

MEMORY = 900.0
"""Seconds by which a request may be older than what it was decided by: a stopped worker, and patience with the app."""
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CYCLE, DAY = 5, 10
"""The guard's published limits, of a company of less than a hundred."""


class Checks:
    """The checks of one run. found: what was wrong, in words."""

    def __init__(self, company: Company, clock: Callable[[], float]) -> None:
        self.found: list[str] = []
        self._company = company
        self._clock = clock
        self._history: list[Wanted] = []
        self.set_back = False
        """Whether the clock was set back: 24 hours of the log aren't those then that the guard looked back on."""
        self._namesakes: set[str] = set()
        """Accounts that were made by hand with the login name of somebody of the company."""

    def wrong(self, what: str) -> None:
        """Something that must not be."""
        if len(self.found) < 20:
            self.found.append(f"{self._clock():.1f} s: {what}")

    def moved(self, wanted: Wanted) -> None:
        """What the company wants from now on."""
        self._history.append(wanted)

    # ----------------------------------------------------------------------------- what others do in the app

    async def by_hand(self, app: ModelApp, event: Event) -> bool:
        """Somebody changes something in the app by hand; whether there was anything to change."""
        what, who = event["what"], event["who"]
        account = next(iter(app.accounts().get(who, [])), None)
        if what in ("stranger", "namesake"):
            user = self._company.users.get(who)
            name = (
                user.name if what == "namesake" and user and account is None else f"stranger{event['number']}@x.example"
            )
            made = await app.by_hand("POST", "/Users", {"userName": name, "title": "Own", "active": True})
            if made and name.startswith("stranger"):
                app.strangers[made["id"]] = str(made)
            elif made:
                self._namesakes.add(made["id"])
            return made is not None
        groups = [g for g, d in app.app.content.all("Groups").items() if owner_of(d)]
        if account is None or (what in ("put in", "take out") and not groups):
            return False
        group = groups[event["number"] % len(groups)] if groups else ""
        match what:
            case "title":
                await self._patch(app, f"/Users/{account}", [{"op": "replace", "path": "title", "value": "By hand"}])
            case "activate":
                active = event["number"] % 2 == 0
                await self._patch(app, f"/Users/{account}", [{"op": "replace", "path": "active", "value": active}])
            case "delete":
                await app.by_hand("DELETE", f"/Users/{account}")
            case "put in":
                value = [{"value": account}]
                await self._patch(app, f"/Groups/{group}", [{"op": "add", "path": "members", "value": value}])
            case "take out":
                await self._patch(app, f"/Groups/{group}", [{"op": "remove", "path": f'members[value eq "{account}"]'}])
        return True

    async def _patch(self, app: ModelApp, path: str, operations: list[Any]) -> None:
        await app.by_hand("PATCH", path, {"Operations": operations})

    # ------------------------------------------------------------------------------------ I1: as it should be

    def unlike(self, app: ModelApp, traits: dict[str, Any], reading: Reading, blocked: set[str]) -> list[str]:
        """How the app differs from what the company says."""
        wanted = self._company.wanted(reading, self._clock())
        accounts = app.accounts()
        users = app.app.content.all("Users")
        found: list[str] = []
        for who in sorted(wanted.users - blocked):
            if who not in accounts:
                found.append(f"{who} has no account")
                continue
            held, user = users[accounts[who][0]], self._company.users[who]
            name = who.upper() + ("*" if reading.starred else "")
            expected = (user.name, name, user.title, True)
            seen = (held["userName"], get(held, "displayName"), get(held, "title"), get(held, "active") is not False)
            if seen != expected:
                found.append(f"{who} is {seen} and not {expected}")
            boss = get(get(held, ENTERPRISE) or {}, "manager")
            boss = boss.get("value") if isinstance(boss, dict) else boss
            should = accounts.get(user.manager or "", [None])[0]
            if user.manager not in blocked and (should or not user.manager) and boss != should:
                found.append(f"{who}'s manager is {boss} and not {user.manager} ({should})")
        for who, ids in accounts.items():
            held = users[ids[0]]
            purged = who in self._company.purged
            if purged and traits["purge deletes"]:
                found.append(f"{who}, who was purged, still has an account")
            elif who not in wanted.users and get(held, "active") is not False:
                found.append(f"{who} is active and shouldn't be")
        return found + self._groups(app, wanted, accounts)

    def _groups(self, app: ModelApp, wanted: Wanted, accounts: dict[str, list[str]]) -> list[str]:
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for document in app.app.content.all("Groups").values():
            groups[owner_of(document)].append(document)
        known = {i: who for who, ids in accounts.items() for i in ids}
        known |= {d["id"]: g for g, documents in groups.items() for d in documents if g}
        # Made by hand, adopted, and its owner left before their id was written to it: nobody sees whose it is.
        users = app.app.content.all("Users")
        nameless = {i for i in self._namesakes if i in users and not owner_of(users[i])}
        found = [
            f"the group {g} is there and shouldn't be" for g in sorted(groups.keys() - wanted.groups.keys() - {""})
        ]
        for group, members in sorted(wanted.groups.items()):
            if group not in groups:
                found.append(f"the group {group} isn't there")
                continue
            (held,) = groups[group][:1]
            if held["displayName"] != self._company.groups[group].name:
                found.append(f"{group} is called {held['displayName']}")
            there = {known.get(i, i) for i in members_of(held)}
            should = {m for m in members if m in accounts or m in groups}
            if strange := (there ^ should) - {i for i in there if i in app.strangers or i in nameless}:
                found.append(f"{group}: {sorted(strange)} is a member, or isn't, and should be otherwise")
        return found

    def blocked(self, app: ModelApp, escrow: Sequence[Link]) -> set[str]:
        """Who can't have an account, since another one has the name; and it was said."""
        owners: dict[str, list[str]] = defaultdict(list)
        for document in app.app.content.all("Users").values():
            owners[str(document["userName"]).lower()].append(owner_of(document))
        blocked: set[str] = set()
        for link in escrow:
            user = self._company.users.get(link.subject_id)
            others = [o for o in owners[user.name.lower()] if o != link.subject_id] if user else []
            if any(others) or len(others) > 1:
                blocked.add(link.subject_id)
        return blocked

    # -------------------------------------------------------------------------- I4, I5: reasons, guard and log

    def log(self, entries: Sequence[LogEntry], app: ModelApp) -> None:
        """Compare what happened in the app with why it was to happen, and with what the log says."""
        told: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            told[entry.subject_id].add(entry.action)
        for effect in app.effects:
            if effect.what in ("disable", "delete", "take out"):
                self._justified(effect)
            if effect.owner and not told[effect.owner] & _ACTIONS[effect.what]:
                self.wrong(f"I5: {effect.what} of {effect.owner} isn't in the log")
        made = {effect.owner for effect in app.effects if effect.what == "create"}
        for entry in entries:
            if entry.action == "create" and entry.status == "success" and entry.subject_id not in made:
                self.wrong(f"I5: the log says that {entry.subject_id} was created, and it wasn't")
        self._guarded(entries)

    def _justified(self, effect: Effect) -> None:
        states = [w for w in self._history if w.since <= effect.at]
        recent = [w for w in states if w.since > effect.at - MEMORY] + states[-1:]
        before = [w for w in states if w.since <= effect.at - MEMORY][-1:]
        for wanted in (*before, *recent):
            if effect.what == "take out":
                if effect.member not in wanted.groups.get(effect.owner, frozenset()):
                    return
            elif effect.owner not in wanted.users and effect.owner not in wanted.groups:
                return
        self.wrong(f"I4: {effect.what} of {effect.owner} {effect.member} at {effect.at:.1f} s without a reason")

    def _guarded(self, entries: Sequence[LogEntry]) -> None:
        """No cycle, and no 24 hours, with more than the guard lets pass without approval."""
        for kinds in (("disable", "delete"), ("login-change",), ("membership-removal",), ("group-deletion",)):
            cycles: dict[str, int] = defaultdict(int)
            passed = [e for e in entries if e.initiator != "approval" and any(k in e.effects for k in kinds)]
            for entry in passed:
                cycles[entry.cycle] += sum(entry.effects.get(k, 0) for k in kinds)
            for cycle, count in cycles.items():
                if count > CYCLE:
                    self.wrong(f"I4: {count} {kinds[0]}s in the cycle {cycle[:6]}, and {CYCLE} may be")
            for last in passed if not self.set_back else ():
                day = [e for e in passed if last.at - timedelta(hours=24) < e.at <= last.at]
                if (count := sum(e.effects.get(k, 0) for e in day for k in kinds)) > DAY:
                    self.wrong(f"I4: {count} {kinds[0]}s in the 24 hours up to {last.at}, and {DAY} may be")

    def secrets(self, folder: Path, secret: str) -> None:
        """I7: look for the secret in every file."""
        for file in folder.iterdir():
            if secret.encode() in file.read_bytes():
                self.wrong(f"I7: the secret is in {file.name}")


_ACTIONS = {
    "create": {"create"},
    "delete": {"delete"},
    "disable": {"disable", "update", "adopt"},
    "enable": {"enable", "update", "adopt"},
    "put in": {"create", "update", "adopt"},
    "take out": {"update", "adopt", "delete"},
}
