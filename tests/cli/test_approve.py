"""`instep approve` and `instep reject`: the word covers what was listed, and nothing else."""

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp


@pytest.fixture
def held(scim: CommandLine, request: pytest.FixtureRequest) -> CommandLine:
    """Three of six people are gone, and held; named after the test."""
    keys = scim.hire(name_of(request), 6)
    scim.run("sync", "scim")
    scim.company(delete=keys[:3])
    assert scim.run("sync", "scim").exit_code == 4
    return scim


@pytest.fixture
def others(request: pytest.FixtureRequest) -> list[str]:
    """The three who are still there."""
    return [f"{name_of(request)}{number:02}" for number in (3, 4, 5)]


def name_of(request: pytest.FixtureRequest) -> str:
    return request.node.name.replace("test_", "")[:12]


def fingerprint(line: CommandLine) -> str:
    return line.json("status", "scim")["fingerprint"]


def test_held_people_are_listed_and_nothing_passes_without_a_word(held: CommandLine) -> None:
    result = held.run("approve", "scim")
    assert result.exit_code == 2
    assert "--fingerprint" in result.stderr
    assert "3 of 6 people would lose access" in result.stdout
    assert "held_people_00@contoso.example" in result.stdout
    assert "active  True → False" in result.stdout
    assert held.run("sync", "scim").exit_code == 4


def test_approved_by_fingerprint_passes_in_the_next_cycle(held: CommandLine) -> None:
    result = held.run("approve", "scim", "--fingerprint", fingerprint(held))
    assert result.exit_code == 0
    assert "instep sync scim" in result.stdout
    again = held.json("sync", "scim")
    assert (again["counts"], again["waiting"]) == ({"disable": 3}, 0)
    assert held.run("approve", "scim").stdout.startswith("Nothing of scim waits")


def test_fingerprint_of_another_listing_approves_nothing(held: CommandLine, others: list[str]) -> None:
    old = fingerprint(held)
    held.company(delete=others)
    assert held.run("sync", "scim").exit_code == 4
    refused = held.run("approve", "scim", "--fingerprint", old)
    assert refused.exit_code == 2
    assert fingerprint(held) in refused.stderr
    assert held.json("sync", "scim")["counts"] == {}


def test_decision_that_arises_after_the_listing_is_not_covered(held: CommandLine, others: list[str]) -> None:
    assert held.run("approve", "scim", "--fingerprint", fingerprint(held)).exit_code == 0
    held.company(delete=others)
    again = held.json("sync", "scim")
    assert again["counts"] == {"disable": 3, "hold": 3}
    assert again["waiting"] == 3


def test_rejected_is_not_done_and_not_asked_again_but_can_be_approved_after_all(held: CommandLine) -> None:
    assert held.run("reject", "scim", "--yes").exit_code == 0
    again = held.json("sync", "scim")
    assert (again["counts"], again["requests"], again["waiting"]) == ({}, 0, 0)
    assert "Nothing of scim waits" in held.run("approve", "scim", "--yes").stdout
    assert held.run("approve", "scim", "--rejected", "--yes").exit_code == 0
    assert held.json("sync", "scim")["counts"] == {"disable": 3}


def test_approval_sends_nothing_by_itself(held: CommandLine, server: IndependentApp) -> None:
    before = server.requests()
    held.run("approve", "scim", "--yes")
    assert server.requests() == before
