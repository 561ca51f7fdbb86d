"""A company's life against an independent SCIM server and against ours: what the app holds in the end is what the
rules say, read by another client, and nothing is asked that needn't be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.acceptance.content import content
from tests.acceptance.servers import Instep, our_app
from tests.conformance.independent_app import running

PEOPLE = """userPrincipalName,displayName,surname,givenName,mail,id,accountEnabled,jobTitle,department,manager
ada@example.com,Ada Ångström,Ångström,Ada,ada@example.com,u-ada,true,Chief,Board,
bo@example.com,Bo Ødegård,Ødegård,Bo,bo@example.com,u-bo,true,Engineer,Lab,ada@example.com
cy@example.com,Cy Χριστός,Χριστός,Cy,cy@example.com,u-cy,true,Engineer,Lab,bo@example.com
di@example.com,Di 王芳,王,Di,di@example.com,u-di,true,Analyst,Lab,bo@example.com
ed@example.com,Ed Off,Off,Ed,ed@example.com,u-ed,false,Analyst,Lab,bo@example.com
"""
NEXT_DAY = """userPrincipalName,displayName,surname,givenName,mail,id,accountEnabled,jobTitle,department,manager
ada@example.com,Ada Ångström,Ångström,Ada,ada@example.com,u-ada,true,Chief,Board,
bo@example.com,Bo Ødegård,Ødegård,Bo,bo@example.com,u-bo,true,Head of Lab,Lab,ada@example.com
cy.new@example.com,Cy Jansen,Jansen,Cy,cy.new@example.com,u-cy,true,Engineer,Lab,ada@example.com
ed@example.com,Ed On,On,Ed,ed@example.com,u-ed,true,Analyst,Lab,fi@example.com
fi@example.com,Fi New,New,Fi,fi@example.com,u-fi,true,Engineer,Lab,bo@example.com
"""


@contextmanager
def app(which: str, folder: Path) -> Iterator[tuple[str, str, Any]]:
    """The app: its URL, a token, and how to count its requests."""
    if which == "independent":
        with running() as server:
            yield server.url, "any", lambda: sum(server.requests().values())
    else:
        with our_app(folder / "app") as ours:
            yield ours.url, ours.token, ours.requests


def seen(url: str, token: str) -> tuple[list[tuple[Any, ...]], dict[str, list[str]]]:
    users, groups = content(url, token)
    rows = [(u["userName"], u.get("displayName"), u.get("active"), u.get("title"), u["manager"]) for u in users]
    return rows, groups


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("which", ["independent", "ours"])
def test_a_company_is_created_changed_adopted_and_ended_exactly(which: str, tmp_path: Path) -> None:
    instep = Instep(tmp_path / "instep", {})
    with app(which, tmp_path) as (url, token, requests):
        # Di has an account in the app already, with an old title, and so has a stranger.
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
            core = ["urn:ietf:params:scim:schemas:core:2.0:User"]
            for name in ("DI@example.com", "stranger@example.com"):
                made = {"schemas": core, "userName": name, "displayName": "Old", "title": "Old", "active": True}
                assert http.post("/Users", json=made).status_code == 201
        (tmp_path / "users.csv").write_text(PEOPLE)
        instep("directory", "import", str(tmp_path / "users.csv"))
        for name, members in {"Lab": ("bo", "cy", "di", "ed"), "Board": ("ada",)}.items():
            instep("group", "add", name)
            for member in members:
                instep("group", "add-member", name, f"{member}@example.com")
        (tmp_path / "token").write_text(token)
        instep("app", "add", "scim", "--url", url, "--token-file", str(tmp_path / "token"))
        for name in ("Lab", "Board"):
            instep("assign", "scim", "--group", name)
        instep("assign", "scim", "--user", "bo@example.com")

        instep("sync", "scim")
        users, groups = seen(url, token)
        assert users == [
            ("ada@example.com", "Ada Ångström", True, "Chief", ""),
            ("bo@example.com", "Bo Ødegård", True, "Engineer", "ada@example.com"),
            ("cy@example.com", "Cy Χριστός", True, "Engineer", "bo@example.com"),
            (users[3][0], "Di 王芳", True, "Analyst", "bo@example.com"),
            ("stranger@example.com", "Old", True, "Old", ""),
        ]
        assert users[3][0].lower() == "di@example.com"
        assert {g: [m.lower() for m in members] for g, members in groups.items()} == {
            "Board": ["ada@example.com"],
            "Lab": ["bo@example.com", "cy@example.com", "di@example.com"],
        }
        before = requests()
        instep("sync", "scim")
        assert requests() == before, "a cycle without changes asked the app something"

        (tmp_path / "users.csv").write_text(NEXT_DAY)
        instep("directory", "import", str(tmp_path / "users.csv"))
        instep("directory", "delete", "di@example.com")
        instep("group", "add-member", "Lab", "fi@example.com")
        instep("group", "remove-member", "Lab", "bo@example.com")
        instep("group", "rename", "Board", "The Board")
        instep("sync", "scim")
        users, groups = seen(url, token)
        assert [(u[0].lower(), *u[1:]) for u in users] == [
            ("ada@example.com", "Ada Ångström", True, "Chief", ""),
            ("bo@example.com", "Bo Ødegård", True, "Head of Lab", "ada@example.com"),
            ("cy.new@example.com", "Cy Jansen", True, "Engineer", "ada@example.com"),
            ("di@example.com", "Di 王芳", False, "Analyst", "bo@example.com"),
            ("ed@example.com", "Ed On", True, "Analyst", "fi@example.com"),
            ("fi@example.com", "Fi New", True, "Engineer", "bo@example.com"),
            ("stranger@example.com", "Old", True, "Old", ""),
        ]
        assert {g: sorted(m.lower() for m in members) for g, members in groups.items()} == {
            "The Board": ["ada@example.com"],
            "Lab": ["cy.new@example.com", "di@example.com", "ed@example.com", "fi@example.com"],
        }
        before = requests()
        instep("sync", "scim")
        assert requests() == before
