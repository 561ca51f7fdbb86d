"""`instep report`: what happened to whom, and how long those who left kept their access."""

import csv
import io
from typing import Any

from tests.cli.command_line import CommandLine


def test_report_names_who_came_changed_and_left(scim: CommandLine) -> None:
    keys = scim.hire("told", 4, jobTitle="Clerk")
    scim.run("sync", "scim")
    scim.company(set={keys[0]: {"jobTitle": "Boss"}, keys[1]: {"enabled": False}})
    scim.run("sync", "scim")
    told = scim.json("report", "scim", "--since", "1h")
    assert told["counts"] == {
        "created": 4, "adopted": 0, "changed": 1, "ended": 1, "failed": 0, "held": 0, "released": 0,
    }  # fmt: skip
    assert told["stillHaveAccess"] == []
    [leaver] = told["leavers"]
    assert (leaver["name"], leaver["action"], leaver["state"]) == ("told01@contoso.example", "disable", "ended")
    assert 0 <= leaver["keptSeconds"] < 60
    assert leaver["known"] < leaver["ended"]
    by_heading = {
        heading: [s["name"] for s in told["subjects"] if s["heading"] == heading] for heading in told["counts"]
    }
    assert by_heading["changed"] == ["told00@contoso.example"]
    assert by_heading["created"] == [f"told0{i}@contoso.example" for i in range(4)]
    text = scim.run("report", "scim").stdout
    assert "Access ended for 1 person, " in text
    assert "on average" not in text
    assert "disable told01@contoso.example" in " ".join(text.split())
    assert "created        4  told00@contoso.example, " in text
    rows = list(csv.DictReader(io.StringIO(scim.run("report", "scim", "--csv").stdout)))
    assert [(row["heading"], row["name"]) for row in rows[:1]] == [("ended", "told01@contoso.example")]
    assert len(rows) == 6


def held(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(d["name"], d["state"]) for d in told["stillHaveAccess"]]


def test_people_who_still_have_access_come_first_whenever_it_began(scim: CommandLine) -> None:
    keys = scim.hire("stay", 2)
    scim.run("sync", "scim")
    scim.company(set={key: {"enabled": False} for key in keys})
    assert scim.run("sync", "scim").exit_code == 4  # half of all at once: the guard holds it
    told = scim.json("report", "scim", "--since", "1m")
    assert sorted(held(told)) == [("stay00@contoso.example", "held"), ("stay01@contoso.example", "held")]
    assert all(d["known"] and d["ended"] is None and d["keptSeconds"] >= 0 for d in told["stillHaveAccess"])
    lines = scim.run("report", "scim").stdout.splitlines()
    assert lines[1] == "2 people who should have no access still have it:"
    assert lines[2].startswith("  held    stay0")
    # Also when it began before the time that is asked for.
    told = scim.json("report", "scim", "--since", "2026-01-01", "--until", "2026-01-02")
    assert len(held(told)) == 2
    assert set(told["counts"].values()) == {0}


def test_nothing_is_said_to_have_happened(scim: CommandLine) -> None:
    assert "Nothing happened." in scim.run("report", "scim").stdout


def test_bad_usage_is_told(scim: CommandLine) -> None:
    for arguments, said in (
        (["scim", "--json", "--csv"], "can't be had at once"),
        (["scim", "--since", "1d", "--until", "2d"], "--until must be later"),
        (["scim", "--since", "then"], "isn't a time"),
        (["nonesuch"], "there's no app 'nonesuch'"),
    ):
        result = scim.run("report", *arguments)
        assert result.exit_code == 2
        assert said in result.stderr
