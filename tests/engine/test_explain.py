"""Explaining somebody gives the answers that a cycle would act on, and leaves no trace."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.engine.small_world import RULES, SmallWorld, small_world

from instep.core.change import AttributeChange, Skip
from instep.core.directory import Assignment, Entry
from instep.core.outcome import Refused, Unknown
from instep.core.plan import action
from instep.core.subject import DEFAULT_ACCESS, Kind, Presence
from instep.engine.explain import Explanation, explain
from instep.ports import AppUnavailable, Exchange, Resource
from instep.targets.memory import Call, Fault

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
ROLES = [
    {"id": "editor", "value": "editor", "display_name": "Editor"},
    {"id": "reader", "value": "reader", "display_name": "Reader", "provisions": False},
]


def rules(*mappings: dict[str, Any], clauses: Sequence[dict[str, str]] = (), **given: Any) -> dict[str, Any]:
    """The small world's rules with more mappings, and one scoping filter of these clauses."""
    filters = [{"name": "Engineers", "clauses": list(clauses)}] if clauses else []
    users = {"mappings": [*RULES["users"]["mappings"], *mappings], "filters": filters}
    return {**RULES, "users": users, **given}


def hire(world: SmallWorld, *ids: str, role: str | None = DEFAULT_ACCESS, **given: Any) -> None:
    """People, directly assigned unless role is None. given: attributes, or fields of the entry."""
    fields = {name: given.pop(name) for name in ("manager", "enabled", "presence", "deleted") if name in given}
    with world.directory.edit() as edit:
        for id in ids:
            edit.put(Entry(Kind.USER, id, f"{id}@firm.example", {"displayName": id.title(), **given}, **fields))
            if role is not None:
                edit.assign(Assignment(f"as-{id}-{role}", "app", Kind.USER, id, role))


def found(world: SmallWorld, *ids: str, members: Sequence[str] = (), assigned: bool = False) -> None:
    """Groups with members."""
    with world.directory.edit() as edit:
        for id in ids:
            edit.put(Entry(Kind.GROUP, id, f"Group {id}"))
            for member in members:
                kind = Kind.USER if edit.entry(Kind.USER, member) else Kind.GROUP
                edit.join(id, kind, member)
            if assigned:
                edit.assign(Assignment(f"as-{id}", "app", Kind.GROUP, id))


async def asked(world: SmallWorld, id: str, kind: Kind = Kind.USER, ask: bool = True) -> Explanation:
    return await explain(world.world, world.job, world.target, kind, id, ask=ask)


def mappings(explained: Explanation) -> dict[str, tuple[Any, str]]:
    """Value and standing by target."""
    return {each.target: (each.value, each.standing) for each in explained.mappings}


# -------------------------------------------------------------------------------------- who is in scope


async def test_nested_group_is_named_with_the_whole_path_and_the_role(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", role=None)
        found(world, "sales", members=["anna"])
        found(world, "all", members=["sales"], assigned=True)
        explained = await asked(world, "anna")
        assert explained.scoping.state == "in"
        [access] = explained.access
        assert (access.path, access.role, access.entitles) == (("Group all", "Group sales"), "Default Access", True)
        assert explained.decision
        assert action(explained.decision.change) == "create"


async def test_clause_on_a_null_attribute_decides_and_every_clause_is_shown(tmp_path: Path) -> None:
    clauses = [
        {"attribute": "department", "operator": "NOT EQUALS", "value": "Sales"},
        {"attribute": "jobTitle", "operator": "IS NOT NULL"},
    ]
    with small_world(tmp_path, rules=rules(clauses=clauses)) as world:
        hire(world, "anna", jobTitle="Clerk")
        explained = await asked(world, "anna")
        assert (explained.scoping.state, explained.scoping.decided_by) == ("out", "filter")
        assert [(c.filter, c.clause, c.value, c.holds) for c in explained.clauses] == [
            ("Engineers", "department NOT EQUALS 'Sales'", None, False),
            ("Engineers", "jobTitle IS NOT NULL", "Clerk", True),
        ]
        assert mappings(explained)["title"] == ("Clerk", "idle")  # what they would have, were they in scope


async def test_clause_that_cannot_be_evaluated_stands_beside_the_others(tmp_path: Path) -> None:
    clauses = [
        {"attribute": "employeeId", "operator": "GREATER_THAN", "value": "100"},
        {"attribute": "jobTitle", "operator": "IS NOT NULL"},
    ]
    with small_world(tmp_path, rules=rules(clauses=clauses)) as world:
        hire(world, "anna", jobTitle="Clerk", employeeId="A-7")
        explained = await asked(world, "anna")
        assert explained.scoping.state == "not-ready"
        wrong, right = explained.clauses
        assert (wrong.holds, right.holds) == (None, True)
        assert "A-7" in wrong.error
        assert explained.decision
        assert isinstance(explained.decision.change, Skip)


async def test_assigned_and_passing_but_disabled(tmp_path: Path) -> None:
    clauses = [{"attribute": "jobTitle", "operator": "EQUALS", "value": "Clerk"}]
    with small_world(tmp_path, rules=rules(clauses=clauses)) as world:
        hire(world, "anna", jobTitle="Clerk")
        await world.sync()
        hire(world, "anna", jobTitle="Clerk", enabled=False)
        explained = await asked(world, "anna")
        assert (explained.scoping.state, explained.scoping.decided_by) == ("out", "disabled")
        assert explained.access[0].entitles
        assert explained.clauses[0].holds
        assert explained.decision
        assert action(explained.decision.change) == "disable"
        assert {e.kind for e in explained.decision.effects} == {"disable"}


@pytest.mark.parametrize(("role", "entitles", "state"), [("reader", False, "out"), ("forgotten", None, "not-ready")])
async def test_role_that_does_not_entitle(tmp_path: Path, role: str, entitles: bool | None, state: str) -> None:
    with small_world(tmp_path, rules=rules(roles=ROLES)) as world:
        hire(world, "anna", role=role)
        explained = await asked(world, "anna")
        assert explained.scoping.state == state
        assert explained.access[0].entitles is entitles
        if role == "reader":
            assert (explained.access[0].role, explained.scoping.decided_by) == ("Reader", "role")


async def test_unassigned_person_whom_the_app_knows_all_the_same(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", role=None)
        account = world.target.put(Kind.USER, {"userName": "anna@firm.example", "title": "Somebody's"})
        explained = await asked(world, "anna")
        assert explained.scoping.decided_by == "unassigned"
        assert (explained.holding.state, explained.holding.app_ids) == ("one", (account,))
        assert explained.holding.attributes["title"] == "Somebody's"
        assert explained.link is None


async def test_type_that_the_job_leaves_alone(tmp_path: Path) -> None:
    groups = {**RULES["groups"], "enabled": False}
    with small_world(tmp_path, rules=rules(groups=groups)) as world:
        found(world, "sales", assigned=True)
        explained = await asked(world, "sales", Kind.GROUP)
        assert (explained.scoping.state, explained.scoping.decided_by) == ("out", "type")
        assert explained.decision is None
        assert world.target.calls == []


async def test_purged_person_is_told_from_what_is_remembered(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", "bob")
        await world.sync()
        with world.directory.edit() as edit:
            edit.purge(Kind.USER, ["anna"])
        explained = await asked(world, "anna")
        assert explained.scoping.decided_by == "purged"
        assert explained.decision
        assert action(explained.decision.change) == "delete"
        assert explained.holding.attributes["userName"] == "anna@firm.example"
        assert (explained.mappings, explained.clauses) == ((), ())


# ------------------------------------------------------------------------------------------ the mappings


async def test_missing_manager_empty_waiting_or_there(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "bob", role=None)
        hire(world, "anna", manager="bob")
        assert mappings(await asked(world, "bob"))[MANAGER] == (None, "empty")
        assert mappings(await asked(world, "anna"))[MANAGER] == ("bob", "waiting")
        await world.sync()
        explained = await asked(world, "anna")
        assert mappings(explained)[MANAGER] == ("bob", "waiting")
        assert explained.decision
        assert explained.decision.pending == ("bob",)
        hire(world, "bob")
        await world.sync()
        assert mappings(await asked(world, "anna"))[MANAGER] == ("bob", "unchanged")


async def test_each_mapping_says_what_it_read_gave_and_what_comes_of_it(tmp_path: Path) -> None:
    more = (
        {"target": "nickName", "source": "[nickname]", "default": "nobody"},
        {"target": "locale", "source": "[city]", "flow": "create"},
        {"target": "userType", "source": "IgnoreFlowIfNullOrEmpty([userType])"},
        {"target": "name.formatted", "source": 'Join(" ", [givenName], [surname])'},
        {"target": "timezone", "source": "[timezone]"},
    )
    with small_world(tmp_path, rules=rules(*more)) as world:
        hire(world, "anna", jobTitle="Clerk", city="Cork", givenName="Anna", surname="Alt")
        first = mappings(await asked(world, "anna"))
        assert first == {
            "userName": ("anna@firm.example", "sent"),
            "displayName": ("Anna", "sent"),
            "title": ("Clerk", "sent"),
            MANAGER: (None, "empty"),
            "nickName": ("nobody", "sent"),
            "locale": ("Cork", "sent"),
            "userType": (None, "left-out"),
            "name.formatted": ("Anna Alt", "sent"),
            "timezone": (None, "empty"),
        }
        await world.sync()
        hire(world, "anna", jobTitle="Boss", city="Galway", givenName="Anna", surname="Neu")
        explained = await asked(world, "anna")
        after = {target: standing for target, (_, standing) in mappings(explained).items()}
        assert (after["userName"], after["title"], after["name.formatted"]) == ("unchanged", "sent", "sent")
        assert (after["nickName"], after["locale"], after["timezone"]) == ("creation", "creation", "empty")
        by_target = {each.target: each for each in explained.mappings}
        assert by_target["name.formatted"].read == {"givenName": "Anna", "surname": "Neu"}
        assert by_target["name.formatted"].source == 'Join(" ", [givenName], [surname])'
        assert by_target["nickName"].defaulted
        assert by_target["userName"].matching == 1


async def test_mapping_that_fails_is_told_beside_those_that_work(tmp_path: Path) -> None:
    with small_world(tmp_path, rules=rules({"target": "nickName", "source": "CDate([city])"})) as world:
        hire(world, "anna", city="Cork")
        explained = await asked(world, "anna")
        assert explained.scoping.state == "not-ready"
        assert "the mapping of nickName failed" in explained.scoping.reason
        assert mappings(explained)["nickName"][1] == "failed"
        assert "Cork" in next(each.error for each in explained.mappings if each.target == "nickName")
        assert mappings(explained)["displayName"] == ("Anna", "idle")


async def test_required_attribute_without_a_value(tmp_path: Path) -> None:
    with small_world(tmp_path, rules=rules({"target": "nickName", "source": "[city]", "required": True})) as world:
        hire(world, "anna")
        explained = await asked(world, "anna")
        assert mappings(explained)["nickName"] == (None, "missing")
        assert explained.decision
        assert isinstance(explained.decision.change, Skip)


async def test_redacted_values_and_what_they_are_made_from_are_nowhere(tmp_path: Path) -> None:
    secret = {"target": "nickName", "source": 'Append(Redact([extensionAttribute1]), "S3CRET")', "flow": "always"}
    with small_world(tmp_path, rules=rules(secret, {"target": "locale", "source": 'Redact("C0NSTANT")'})) as world:
        hire(world, "anna", extensionAttribute1="H1DDEN")
        for _ in range(2):
            explained = await asked(world, "anna")
            shown = str((explained.mappings, explained.holding, explained.link, explained.log))
            assert not [word for word in ("H1DDEN", "C0NSTANT") if word in shown]
            assert mappings(explained)["nickName"][0] == "[Redact]"
            await world.sync()
        assert world.link("anna").sent["nickName"] == "H1DDENS3CRET"
        assert explained.link
        assert explained.link.sent["nickName"] == "[Redact]"


async def test_look_up_that_fails_doesnt_tell_the_redacted_value_that_was_asked_for(tmp_path: Path) -> None:
    secret = {"target": "externalId", "source": "Redact([employeeId])", "matching": 2}
    with small_world(tmp_path, rules=rules(secret)) as world:
        hire(world, "anna", employeeId="H1/DDEN 7")

        async def fails(kind: Kind, path: str, value: str) -> list[Resource]:
            if path == "userName":
                return []
            asked_for = f"/Users?filter=externalId%20eq%20%22{quote(value, safe='')}%22"
            exchange = Exchange("GET", asked_for, None, 500, f"no {value}", 1)
            raise AppUnavailable(f"GET {asked_for}: 500: no {value}", "InternalServerError", exchange)

        world.target.find = fails
        with pytest.raises(AppUnavailable, match="filter=externalId") as gone:
            await asked(world, "anna")
        assert "DDEN" not in f"{gone.value} {gone.value.exchange}"
        assert gone.value.exchange
        assert gone.value.exchange.status == 500


async def test_value_that_must_be_unique_is_the_one_that_is_free(tmp_path: Path) -> None:
    unique = {
        "target": "nickName",
        "source": 'SelectUniqueValue([displayName], Append([displayName], "2"))',
        "flow": "create",
    }
    with small_world(tmp_path, rules=rules(unique)) as world:
        world.target.put(Kind.USER, {"userName": "other@firm.example", "nickName": "Anna"})
        hire(world, "anna")
        assert mappings(await asked(world, "anna"))["nickName"] == ("Anna2", "sent")
        assert mappings(await asked(world, "anna", ask=False))["nickName"][0] == ["Anna", "Anna2"]


# ---------------------------------------------------------------------------- what is there, and what is done


async def test_what_the_app_holds_is_shown_where_it_differs_from_what_was_sent(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", jobTitle="Clerk")
        await world.sync()
        account = world.link("anna").app_id
        await world.target.update(Kind.USER, account, [AttributeChange("title", None, "Queen")])
        explained = await asked(world, "anna")
        assert explained.holding.attributes["title"] == "Queen"
        assert explained.holding.differs == {"title": "Clerk"}
        world.target.remove(Kind.USER, account)
        assert (await asked(world, "anna")).holding.state == "gone"


async def test_account_that_is_there_is_adopted_and_twins_are_named(tmp_path: Path) -> None:
    with small_world(tmp_path, rules=rules({"target": "nickName", "source": "[city]", "matching": 2})) as world:
        hire(world, "anna", "bob", city="Cork")
        account = world.target.put(Kind.USER, {"userName": "anna@firm.example", "title": "Temp"})
        twins = tuple(world.target.put(Kind.USER, {"userName": name, "nickName": "Cork"}) for name in ("x", "y"))
        adopted = await asked(world, "anna")
        assert adopted.decision
        assert (action(adopted.decision.change), adopted.holding.app_ids) == ("adopt", (account,))
        refused = await asked(world, "bob")
        assert (refused.holding.state, refused.holding.app_ids) == ("several", twins)
        assert refused.decision
        assert isinstance(refused.decision.change, Skip)


async def test_group_is_told_with_its_members(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna")
        hire(world, "bob", role=None)
        found(world, "sales", members=["anna"], assigned=True)
        await world.sync()
        found(world, "sales", members=["bob"])
        hire(world, "bob")
        hire(world, "carl")
        found(world, "sales", members=["carl"])
        group = world.link("sales", Kind.GROUP).app_id
        await world.target.update(Kind.GROUP, group, [], add=["stranger"])
        explained = await asked(world, "sales", Kind.GROUP)
        assert explained.holding.members == ("anna",)
        assert explained.holding.unknown_members == 1
        assert explained.decision
        assert explained.decision.pending == ("bob", "carl")
        await world.sync()
        assert (await asked(world, "sales", Kind.GROUP)).holding.members == ("anna", "bob", "carl")


async def test_hold_escrow_and_log_come_along(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", "bob")
        await world.sync()
        hire(world, "anna", "bob", enabled=False)
        await world.sync()
        held = await asked(world, "anna")
        assert held.link
        assert held.link.hold
        assert (held.verdict, held.log[0].action) == ("waiting", "hold")
        world.approve("rejected")
        rejected = await asked(world, "anna")
        assert rejected.decision
        assert (rejected.verdict, action(rejected.decision.change)) == ("rejected", "keep")
        world.target.hook = lambda call: Fault(Refused("unwelcome", "X")) if call.method == "create" else None
        hire(world, "carl")
        await world.sync()
        failed = await asked(world, "carl")
        assert failed.link
        assert (failed.link.failures, failed.link.last_error) == (1, "unwelcome")
        assert failed.link.next_try
        assert failed.link.next_try > datetime.now(UTC) - timedelta(minutes=1)


async def test_request_without_an_outcome_is_said(tmp_path: Path) -> None:
    def lost(call: Call) -> Fault | None:
        return Fault(Unknown("no answer", "Timeout")) if call.method in ("create", "find") else None

    with small_world(tmp_path) as world:
        hire(world, "anna")
        assert not (await asked(world, "anna")).unsettled
        world.target.hook = lost
        await world.sync()
        world.target.hook = None
        assert (await asked(world, "anna")).unsettled
        await world.sync()
        assert not (await asked(world, "anna")).unsettled


async def test_decision_is_the_plans(tmp_path: Path) -> None:
    """Of whoever is explained, the decision is what the preview says of them."""
    with small_world(tmp_path, rules=rules({"target": "locale", "source": "[city]", "default": "en"})) as world:
        hire(world, "anna", "bob", "carl", "dora", "emil")
        await world.sync()
        hire(world, "anna", city="Cork", jobTitle="Boss")
        hire(world, "bob", enabled=False)
        hire(world, "carl", presence=Presence.SOFT_DELETED, deleted=datetime(2026, 3, 1, tzinfo=UTC))
        hire(world, "emil", manager="anna")
        hire(world, "fay", jobTitle="New")
        plan, _ = await world.plan()
        planned = {d.subject_id: d.digest for d in plan.decisions}
        assert planned.keys() == {"anna", "bob", "carl", "emil", "fay"}
        for id, digest in planned.items():
            explained = await asked(world, id)
            assert explained.decision
            assert explained.decision.digest == digest
        unchanged = await asked(world, "dora")
        assert unchanged.decision
        assert action(unchanged.decision.change) == "keep"


async def test_offline_asks_nothing_and_does_not_guess(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, "anna", jobTitle="Clerk")
        await world.sync()
        hire(world, "anna", jobTitle="Boss")
        hire(world, "bob")
        calls = len(world.target.calls)
        linked, new = await asked(world, "anna", ask=False), await asked(world, "bob", ask=False)
        assert len(world.target.calls) == calls
        assert linked.decision
        assert action(linked.decision.change) == "update"
        assert (linked.holding.state, new.holding.state) == ("not-asked", "not-asked")
        assert new.decision is None  # whether it's a creation or an adoption, only the app knows
        assert new.scoping.state == "in"
