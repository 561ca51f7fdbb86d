"""Mappings whose value depends on the app, or that only add."""

from pathlib import Path
from typing import Any

from tests.engine.small_world import RULES, SmallWorld, small_world

from instep.core.change import AttributeChange
from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind


def with_row(**row: Any) -> dict[str, Any]:
    return {**RULES, "users": {"mappings": [*RULES["users"]["mappings"], row]}}


def hire(world: SmallWorld, subject_id: str, given: str, surname: str, role: str = "") -> None:
    address = f"{subject_id}@firm.example"
    attributes = {"displayName": given, "givenName": given, "surname": surname}
    with world.directory.edit() as edit:
        edit.put(Entry(Kind.USER, subject_id, address, attributes))
        assignment = Assignment(f"a-{subject_id}-{role}", "app", Kind.USER, subject_id)
        edit.assign(assignment if not role else Assignment(assignment.id, "app", Kind.USER, subject_id, role))


async def test_the_first_candidate_that_nobody_has_is_taken_once_and_kept(tmp_path: Path) -> None:
    names = 'SelectUniqueValue([givenName], Join(".", [givenName], [surname]), Join(".", [surname], [givenName]))'
    rules = with_row(target="nickName", source=names, flow="create")
    with small_world(tmp_path, rules=rules) as world:
        world.target.put(Kind.USER, {"userName": "stranger@firm.example", "nickName": "ada"})
        hire(world, "u1", "Ada", "Byron")
        hire(world, "u2", "Ada", "Byron")
        await world.sync()
        taken = {u["userName"]: u["nickName"] for u in world.target.content(Kind.USER).values()}
        assert taken.pop("stranger@firm.example") == "ada"
        assert sorted(taken.values()) == ["Ada.Byron", "Byron.Ada"]
        hire(world, "u3", "Ada", "Byron")
        result = await world.sync()
        assert result.counts["failure"] == 1
        assert "3 candidates for nickName are taken" in world.log(status="failure")[0].reason
        with world.directory.edit() as edit:
            edit.put(Entry(Kind.USER, "u1", "u1@firm.example", {"displayName": "Ada", "givenName": "Ada King"}))
        await world.sync()
        kept = [u["nickName"] for u in world.target.content(Kind.USER).values() if u["userName"] == "u1@firm.example"]
        assert kept[0] in taken.values()


async def test_roles_are_added_by_one_function_and_replaced_by_the_other(tmp_path: Path) -> None:
    roles = [{"id": f"r{i}", "value": f"role{i}", "display_name": f"Role {i}"} for i in (1, 2)]
    for function, left in {"AppRoleAssignmentsComplex": 3, "AssertiveAppRoleAssignmentsComplex": 1}.items():
        row = with_row(target="roles", source=f"{function}([appRoleAssignments])")
        with small_world(tmp_path / function, rules={**row, "roles": roles}) as world:
            hire(world, "u1", "Ada", "Byron", role="r1")
            await world.sync()
            # Somebody gives her a role in the app, which only the function that replaces takes away.
            [account] = world.target.content(Kind.USER)
            roles_there = [*world.target.content(Kind.USER)[account]["roles"], {"value": "by-hand"}]
            await world.target.update(Kind.USER, account, [AttributeChange("roles", None, roles_there)])
            with world.directory.edit() as edit:
                edit.unassign("app", "u1", "r1")
                edit.assign(Assignment("a2", "app", Kind.USER, "u1", "r2"))
            await world.sync()
            held = next(iter(world.target.content(Kind.USER).values()))["roles"]
            values = {role["value"] for role in held}
            assert "role2" in values
            assert len(values) == left
