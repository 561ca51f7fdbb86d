"""The demo's story at size: a made-up company of any number of people, with counts instead of tables."""

import json
from collections.abc import MutableMapping
from pathlib import Path

from stage import content, provider
from stage.content import Snapshot
from stage.provider import DOMAIN, OWN
from stage.terminal import NotAsExpected, Terminal

OWNER = f"ingrid.solberg@{DOMAIN}"
HIRE = f"thandiwe.nkosi@{DOMAIN}"


class LargeStory:
    """Tells it, and checks it on the way."""

    examples = """\
instep directory list --limit 10            some of the people
instep plan mixpanel                        what the next cycle would do
instep log mixpanel --limit 10              what the last ones did
instep status mixpanel
"""
    """Commands to go on with."""

    def __init__(self, terminal: Terminal, folder: Path, users: int) -> None:
        """users: how many people there are; a group for each fifty (ten at least), four memberships for each person."""
        self._say, self._title = terminal.say, terminal.title
        self._terminal, self._instep = terminal, terminal.instep
        self._folder = folder
        self._users, self._groups, self._memberships = users, max(10, users // 50), users * 4
        self._url = self._token = ""

    def tell(self, url: str, records: MutableMapping[str, str], dns_port: int) -> None:
        """All of it. Raises NotAsExpected, OSError."""
        self._url = url
        self._set_up(records, dns_port)
        self._first_cycle()
        before = self._read()
        self._a_day_passes()
        self._compare(before)
        self._once_more()

    def _set_up(self, records: MutableMapping[str, str], dns_port: int) -> None:
        self._title("1  The app and the directory")
        self._say(
            """An organisation is set up in the test app, its domain proved by DNS. The small demo, without --users,
            shows how. Then Instep makes up a company, and everybody in it gets the app."""
        )
        self._instep("org", "create", OWN, "--owner", OWNER, hidden=True)
        provider.prove_domain(self._terminal, records, dns_port, quiet=True)
        self._token = provider.take_token(self._terminal, self._folder, quiet=True)
        sizes = ("--users", self._users, "--groups", self._groups, "--memberships", self._memberships, "--seed", 7)
        self._instep("directory", "generate", *map(str, sizes), "--domain", DOMAIN, watched=True)
        added = ("--url", self._url, "--token-file", provider.TOKEN_FILE, "--scope", "all")
        self._instep("app", "add", "mixpanel", *added)

    def _first_cycle(self) -> None:
        self._title("2  The first cycle")
        self._instep("org", "requests", OWN, "--reset", hidden=True)
        self._instep("sync", "mixpanel", watched=True)
        self._say("The app counted what it was asked:")
        self._instep("org", "requests", OWN)

    def _read(self) -> Snapshot:
        """What the app holds, after a look at the counts: everybody, all groups, all memberships."""
        found = content.read(self._url, self._token)
        people, teams = len(found.content.members), found.content.teams
        places = sum(len(members) for members in teams.values())
        self._say(f"Read back from the app: {people:,} members, {len(teams):,} teams, {places:,} places in teams.")
        expected = (self._users + 1, self._groups, self._memberships)  # and the owner, who isn't in the directory
        if (people, len(teams), places) != expected:
            raise NotAsExpected("It should be {:,} members, {:,} teams and {:,} places.".format(*expected))
        return found

    def _a_day_passes(self) -> None:
        self._title("3  A day passes")
        self._say("Somebody is hired, somebody gets another name, somebody changes teams, somebody leaves.")
        listed = json.loads(self._instep("directory", "list", "--json", "--limit", "3", hidden=True))
        married, mover, leaver = [person["userPrincipalName"] for person in listed]
        shown = json.loads(self._instep("directory", "show", mover, "--json", hidden=True))
        old = shown["memberOf"][0]["displayName"]
        groups = json.loads(self._instep("group", "list", "--json", "--limit", "0", hidden=True))
        theirs = {group["displayName"] for group in shown["memberOf"]}
        new = next(group["displayName"] for group in groups if group["displayName"] not in theirs)
        self._instep("directory", "add", HIRE, "displayName=Thandiwe Nkosi")
        self._instep("group", "add-member", new, HIRE, mover)
        self._instep("directory", "set", married, "displayName=Chloé Moreau")
        self._instep("group", "remove-member", old, mover)
        self._instep("directory", "delete", leaver)
        self._instep("org", "requests", OWN, "--reset", hidden=True)
        self._instep("sync", "mixpanel", watched=True)
        self._expected = {HIRE, married, mover, leaver}

    def _compare(self, before: Snapshot) -> None:
        self._instep("org", "requests", OWN)
        after = content.read(self._url, self._token)
        ids = {*before.ids.values(), *after.ids.values()}
        changed = {after.told(id)[1] for id in ids if before.told(id) != after.told(id)}
        self._say(f"Nobody else was touched: of {len(ids):,} members exactly these {len(changed)} aren't as before.")
        if changed != self._expected:
            raise NotAsExpected(f"Changed in the app: {changed}; in the directory: {self._expected}.")

    def _once_more(self) -> None:
        self._title("4  Once more")
        self._say("Nothing has changed since, so there is nothing to do, and the app isn't asked anything.")
        self._instep("org", "requests", OWN, "--reset", hidden=True)
        self._instep("sync", "mixpanel", watched=True)
        requests = json.loads(self._instep("org", "requests", OWN, "--json", hidden=True))
        if requests["total"]:
            raise NotAsExpected(f"A cycle without changes sent {requests['total']} requests.")
