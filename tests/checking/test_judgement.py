"""What findings add up to: the grade, the cost, and the reports for machines."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from instep.checking import reference
from instep.checking.catalogue import UnknownCheck, chosen
from instep.checking.cost import cost
from instep.checking.finding import Check, Finding, Result, Severity
from instep.checking.grade import grade, score
from instep.checking.junit import junit
from instep.checking.registry import TITLES, checks
from instep.checking.run import Report
from instep.checking.visit import Facts
from instep.core.record import Exchange
from instep.scim.abilities import Abilities

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"


def finding(severity: Severity, result: Result, text: str = "") -> Finding:
    check = Check(f"lookup.{severity}", "Title & <more>", severity, "RFC", "Proves.", "Do.", True, checks()[0].function)
    return Finding(check, result, text, (Exchange("GET", "/Users", None, 200, {"a": "\x00<"}, 12),))


def report(*findings: Finding) -> Report:
    return Report("https://app.example", "instep-check-1", findings, (), (), Abilities(), Facts(), 9, 0, 1.5)


MUST, SHOULD, NICE = (
    {result: finding(severity, result) for result in Result} for severity in ("must", "should", "nice")
)


def test_grades() -> None:
    good = [MUST[Result.PASSED]] * 20
    assert grade(good) == "A"
    assert grade([*good, SHOULD[Result.FAILED]]) == "A"
    assert grade([*good, *[SHOULD[Result.FAILED]] * 5]) == "B"
    assert grade([*good, *[SHOULD[Result.FAILED]] * 20]) == "C"
    assert grade([*good, MUST[Result.FAILED]]) == "D"
    assert grade([*good, *[MUST[Result.FAILED]] * 4]) == "F"
    assert grade([MUST[Result.NOT_APPLICABLE]]) == "-"


def test_a_warning_counts_half_and_what_does_not_apply_nothing() -> None:
    assert score([SHOULD[Result.WARNING], SHOULD[Result.PASSED], MUST[Result.NOT_APPLICABLE]]) == 0.75
    assert grade([MUST[Result.WARNING]]) == "C"


def test_the_cost_of_a_first_cycle() -> None:
    known = cost(Abilities(), Facts(people=0, per_second=50.0), 1000, 50, 5000)
    # A count, the list of groups in one page and its count; members ride in the creations, 100 of each group.
    assert (known.look_ups, known.creations, known.membership_changes) == (3, 1050, 0)
    assert known.seconds == pytest.approx(1053 / 50)


def test_the_cost_follows_the_abilities() -> None:
    poor = Abilities(trusts_list=False, members_in_create=False, members_per_patch=30)
    known = cost(poor, Facts(people=100), 1000, 50, 5000)
    assert (known.look_ups, known.creations, known.membership_changes) == (1001 + 51, 1050, 200)
    assert known.seconds is None
    assert cost(Abilities(), Facts(has_groups=False, people=0), 10, 50, 5000).requests == 11
    assert cost(Abilities(), Facts(people=0, bulk_operations=100), 1000, 0, 0).creations == 10


def test_junit_has_a_failure_for_what_failed_and_skips_what_does_not_apply() -> None:
    made = report(*MUST.values(), SHOULD[Result.FAILED])
    suite = ElementTree.fromstring(junit(made)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "2", "1")
    assert [each.get("type") for each in suite.iter("failure")] == ["must", "should"]
    assert len(list(suite.iter("system-out"))) == 1


def test_the_reference_page_is_the_one_that_the_checks_make() -> None:
    again = "python -m instep.checking.reference > docs/reference/checks.md"
    assert PAGE.read_text(encoding="utf-8") == reference.page(), f"make it anew: {again}"
    done = subprocess.run(
        [sys.executable, "-m", "instep.checking.reference"], capture_output=True, text=True, check=True
    )
    assert done.stdout == reference.page()


def test_every_check_says_what_it_proves_and_where_that_is_asked_for() -> None:
    for each in checks():
        assert each.title, each.id
        assert each.proves.endswith("."), each.id
        assert each.way_out.endswith((".", '"')), each.id
        assert len(each.source) > 10, each.id
        assert each.group in TITLES


def test_checks_are_chosen_by_id_and_group() -> None:
    assert {each.group for each in chosen(only=["paging"])} == {"paging"}
    assert [each.id for each in chosen(only=["paging.total", "put"])] == ["put.user", "paging.total"]
    assert "paging.total" not in {each.id for each in chosen(skip=["paging"])}
    with pytest.raises(UnknownCheck, match=r"there's no check 'pages'; .* paging"):
        chosen(only=["pages"])
