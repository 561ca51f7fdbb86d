"""The demo's story at the size of a company that one can look at: sixty people, two days, chapter by chapter."""

import json
import shutil
import time
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path

from rich.table import Table

from stage import company, content, provider
from stage.company import Content
from stage.content import Snapshot
from stage.provider import OWN
from stage.terminal import NotAsExpected, Terminal

ASSIGNED = ("Leadership", "Product", "Engineering", "Data and Insight", "Marketing", "Customer Success")
AGENCY = "sam.reid@brightpixel.example"
REQUESTS_OF_A_DAY = 6
HANNA = "hanna.berg@nordlys.example"
PATIENCE = 30.0
"""Seconds that a change may take to reach the app, on a busy machine."""


class Story:
    """Tells it, and checks it on the way. Each method is a chapter."""

    examples = """\
instep directory disable olena.koval@nordlys.example     block somebody's sign-in
instep plan mixpanel                                     see what that leads to
instep sync mixpanel                                     and let it happen
instep log mixpanel --person olena.koval --steps         with each request and answer
"""
    """Commands to go on with."""

    def __init__(
        self, terminal: Terminal, files: Path, folder: Path, service: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """files: the CSV files, `company` and `day-two`. folder: where the commands run. service: Instep's, running."""
        self._service = service
        self._say, self._title, self._show = terminal.say, terminal.title, terminal.show
        self._terminal, self._instep = terminal, terminal.instep
        self._folder = folder
        for name in ("company", "day-two"):
            shutil.copytree(files / name, folder / name)
        self._before = company.read(folder / "company")
        self._after = company.read(folder / "company", folder / "day-two")
        named = self._before.login
        self._boss, self._guest, self._outsider = named("Ingrid Solberg"), named("Livia Rossi"), named("Tomás Ó Briain")
        self._clerk, self._contractor, self._leaver = (
            named("Yusuf Demir"),
            named("Petr Novák"),
            named("Mikko Hämäläinen"),
        )
        self._url = self._token = ""

    def tell(self, url: str, records: MutableMapping[str, str], dns_port: int) -> None:
        """All chapters. Raises NotAsExpected, OSError."""
        self._url = url
        self._the_app(records, dns_port)
        self._the_directory()
        self._who_gets_it()
        self._the_plan()
        self._the_first_cycle()
        self._who_was_left_out()
        self._a_day_passes()
        self._once_more()
        self._an_accident()
        self._by_itself()

    def _the_app(self, records: MutableMapping[str, str], dns_port: int) -> None:
        self._title("1  The app")
        self._say(
            f"""{OWN} is a made-up company of sixty people that uses Mixpanel. A test app that comes with Instep
            plays Mixpanel here, on this machine: an organisation on the Enterprise plan, with single sign-on and a
            domain that it has proved to be its own. Without these Mixpanel lets nobody provision people."""
        )
        self._instep("org", "create", OWN, "--owner", self._boss)
        provider.prove_domain(self._terminal, records, dns_port)
        self._say(
            """Two people were there before anybody thought of provisioning. Sam, of an agency, was invited by hand.
            And Tomás once made a login of his own with his work address, outside of the organisation."""
        )
        self._instep("org", "invite", OWN, AGENCY, "--name", "Sam Reid")
        self._instep("org", "sign-up", self._outsider)
        self._say("The app gives a token to whoever provisions its people. It is shown once.")
        self._token = provider.take_token(self._terminal, self._folder)

    def _the_directory(self) -> None:
        self._title("2  The directory")
        self._say(
            """Instep keeps a directory of people and groups. It begins with the files that an administrator downloads
            from Microsoft Entra's portal: users, groups, and the members of each group."""
        )
        self._instep("directory", "import", *self._all("company"), typed="instep directory import company/*.csv")
        self._say("""Petr was a contractor, and his contract has ended. Deleted people can be restored for 30 days.""")
        self._instep("directory", "delete", self._contractor)

    def _who_gets_it(self) -> None:
        self._title("3  Who gets the app")
        self._say("Mixpanel is added from the gallery, and assigned to six groups with the role User.")
        self._instep("app", "add", "mixpanel", "--url", self._url, "--token-file", provider.TOKEN_FILE)
        for group in ASSIGNED:
            self._instep("assign", "mixpanel", "--group", group, "--role", "User")
        self._say("Yusuf, in Finance, gets it without a role. Entra calls that Default Access.")
        self._instep("assign", "mixpanel", "--user", self._clerk)
        self._instep("app", "test", "mixpanel")

    def _the_plan(self) -> None:
        self._title("4  The plan")
        self._say("Before anything is sent, Instep tells what it would do, to whom and why. This writes nothing.")
        self._instep("plan", "mixpanel", ends=(22, 4))

    def _the_first_cycle(self) -> None:
        self._title("5  The first cycle")
        self._say("Now it is done. Exit code 1 says that some people failed; they didn't stop anybody else.")
        self._instep("sync", "mixpanel", exits=(1,), watched=True)
        self._expect_failed(self._guest, self._outsider)
        self._say("This is what the app holds now. Names arrive in every script that people have.")
        self._instep("org", "members", OWN)
        self._say("Each group is a team:")
        self._instep("org", "teams", OWN)
        self._say(
            """Engineering contains the group Platform, which contains Site Reliability. Mixpanel has no teams within
            teams, so their people are members of Engineering there. Ingrid was in the app already and was adopted;
            Sam isn't in the directory and isn't touched. The two called Anna Schmidt are two accounts."""
        )
        without = {self._guest, self._outsider, self._contractor}
        self._check(_with_sam(company.expected(self._before, ASSIGNED, without)))

    def _who_was_left_out(self) -> None:
        self._title("6  Who was left out, and why")
        self._say("The log has each decision with its reason. Two people were refused by the app:")
        self._instep("log", "mixpanel", "--status", "failure")
        self._say(
            """And these two weren't sent at all. Gorm is on leave, with his account disabled. Petr was deleted before
            he ever had an account, so there is nothing to say of him."""
        )
        self._instep("log", "mixpanel", "--status", "skipped")

    def _a_day_passes(self) -> None:
        self._title("7  A day passes")
        self._say(
            """Thandiwe joins the Platform group. Chloé has married: her name and her address change. Jakub moves from
            Marketing to Product. Mikko leaves the company. The next morning's download says all that; --replace takes
            it as the whole truth, so that whoever is missing is deleted."""
        )
        shown = "instep directory import --replace day-two/*.csv"
        self._instep("directory", "import", "--replace", *self._all("day-two"), typed=shown)
        before = content.read(self._url, self._token)
        self._instep("org", "requests", OWN, "--reset", hidden=True)
        self._instep("sync", "mixpanel", watched=True)
        self._say("The app counted what it was asked:")
        self._instep("org", "requests", OWN)
        self._expect_requests(REQUESTS_OF_A_DAY)
        self._say("Before and after, as the app has it. Nobody else was touched.")
        after = content.read(self._url, self._token)
        self._show(_side_by_side(before, after))
        self._check(self._second_day())

    def _once_more(self) -> None:
        self._title("8  Once more")
        self._say(
            """Nothing has changed since, so there is nothing to do, and the app isn't asked anything. Livia and Tomás
            wait in escrow: they are tried again later, or at once when they change."""
        )
        self._instep("org", "requests", OWN, "--reset", hidden=True)
        self._instep("sync", "mixpanel", watched=True)
        self._instep("org", "requests", OWN)
        self._expect_requests(0)

    def _an_accident(self) -> None:
        self._title("9  An accident")
        self._say(
            """Somebody tidies up and takes the group Platform out of Engineering, not knowing that eight people have
            the app by it. The guard finds that too many at once."""
        )
        self._instep("group", "remove-member", "Engineering", "Platform", "--groups")
        self._instep("plan", "mixpanel", exits=(4,), ends=(11, 2))
        self._say("Had nobody looked at the plan, it would have been held all the same. Exit code 4 says so.")
        self._instep("sync", "mixpanel", exits=(4,), watched=True)
        self._check(self._second_day())
        self._say("Nobody has lost anything. The group is put back, and all is as it was.")
        self._instep("group", "add-member", "Engineering", "Platform", "--groups")
        self._instep("sync", "mixpanel", watched=True)
        self._check(self._second_day())

    def _by_itself(self) -> None:
        self._title("10  By itself")
        self._say(
            """From now on nobody has to type `sync`. The app's job is started, and `instep serve` runs it, here in the
            background. Hanna is hired; then her laptop is stolen, and her sign-in is blocked."""
        )
        self._instep("start", "mixpanel")
        with self._service():
            self._instep("directory", "add", HANNA, "displayName=Hanna Berg", "givenName=Hanna", "surname=Berg")
            self._instep("group", "add-member", "Product", HANNA)
            waited = self._until(lambda found: found.members.get(HANNA) == ("Hanna Berg", True))
            self._say(f"In the app {waited:.1f} seconds later, and in her team.")
            self._instep("directory", "disable", HANNA)
            waited = self._until(lambda found: found.members.get(HANNA) == ("Hanna Berg", False))
            self._say(
                f"Out of the app {waited:.1f} seconds later. Mails, metrics and audits come with the service too."
            )
        expected = self._second_day()
        teams = {**expected.teams, "Product": expected.teams["Product"] | {HANNA}}
        self._check(Content({**expected.members, HANNA: ("Hanna Berg", False)}, teams))

    def _until(self, holds: Callable[[Content], bool]) -> float:
        """Wait until that is so in the app; how long it took, in seconds. Raises NotAsExpected."""
        began = time.monotonic()
        while not holds(content.read(self._url, self._token).content):
            if time.monotonic() > began + PATIENCE:
                raise NotAsExpected(f"The service hasn't brought it about within {PATIENCE:.0f} seconds.")
            time.sleep(0.05)
        return time.monotonic() - began

    def _all(self, folder: str) -> list[str]:
        """What the shell makes of `folder/*.csv`."""
        return sorted(str(path.relative_to(self._folder)) for path in (self._folder / folder).glob("*.csv"))

    def _second_day(self) -> Content:
        """As the files of the second day say; the leaver stays a member, without access and without a team."""
        new = company.expected(self._after, ASSIGNED, {self._guest, self._outsider})
        return _with_sam(Content({**new.members, self._leaver: ("Mikko Hämäläinen", False)}, new.teams))

    def _expect_requests(self, number: int) -> None:
        counted = json.loads(self._instep("org", "requests", OWN, "--json", hidden=True))["total"]
        if counted != number:
            raise NotAsExpected(f"The app should have been asked {number} times, and was {counted} times.")

    def _check(self, expected: Content) -> None:
        found = content.read(self._url, self._token).content
        if wrong := company.differences(expected, found):
            raise NotAsExpected("The app doesn't hold what the files say. " + " ".join(wrong))

    def _expect_failed(self, *logins: str) -> None:
        told = self._instep("log", "mixpanel", "--status", "failure", "--json", "--limit", "0", hidden=True)
        failed = {json.loads(line)["sourceIdentity"]["displayName"] for line in told.splitlines()}
        if failed != set(logins):
            raise NotAsExpected(
                f"Exactly {', '.join(sorted(logins))} should fail. These did: {', '.join(sorted(failed)) or 'none'}."
            )


def _with_sam(expected: Content) -> Content:
    return Content({**expected.members, AGENCY: ("Sam Reid", True)}, expected.teams)


def _side_by_side(before: Snapshot, after: Snapshot) -> Table:
    """A row for each member who isn't as before: name, login, state and teams, then and now."""
    table = Table("BEFORE", "AFTER", box=None, pad_edge=False, expand=True)
    for id in dict.fromkeys((*before.ids.values(), *after.ids.values())):
        then, now = before.told(id), after.told(id)
        if then != now:
            table.add_row(_cell(then, now), _cell(now, then))
    return table


def _cell(told: tuple[str, ...], other: tuple[str, ...]) -> str:
    if not any(told):
        return "[dim](not there)[/dim]\n"
    parts = [
        f"[bold]{mine}[/bold]" if mine != theirs and mine else mine for mine, theirs in zip(told, other, strict=True)
    ]
    name, login, state, teams = parts
    return f"{name}, {state}\n{login}\n{teams or '[bold]in no team[/bold]'}\n"
