"""Editing by hand: what is accepted, what is refused and why, and what a deletion leaves."""

from datetime import timedelta

import pytest

from instep.core.subject import Kind, Presence
from instep.directory import editing, membership
from instep.directory.lookup import Impossible, find


@pytest.fixture
def staff(world):
    """Three people in a line of managers, and a group of the last two."""
    for name, manager in (("ann", None), ("bob", "ann@x.example"), ("cem", "bob@x.example")):
        attributes = {"displayName": name.title(), "manager": manager, "department": "Legal"}
        editing.add_user(world.store, f"{name}@x.example", attributes, world.new_id)
    editing.add_group(world.store, "Crew", {}, world.new_id)
    for name in ("bob", "cem"):
        membership.add_member(world.store, "Crew", Kind.USER, name)
    return world


def test_people_are_found_by_id_by_name_in_any_case_and_by_a_display_name(staff) -> None:
    with staff.store.browse() as browser:
        for text in ("new-2", "BOB@X.example", "Bob", " bob "):
            assert find(browser, Kind.USER, text).name == "bob@x.example"


def test_a_display_name_that_two_people_have_is_refused_with_the_choices(staff) -> None:
    editing.add_user(staff.store, "bob2@x.example", {"displayName": "BOB"}, staff.new_id)
    with pytest.raises(Impossible, match=r"more than one user: bob@x\.example \(new-2\), bob2@x\.example"):
        editing.set_attributes(staff.store, Kind.USER, "bob", {})


def test_somebody_unknown_is_refused_with_similar_names(staff) -> None:
    with pytest.raises(Impossible, match=r"no user 'ce' in the directory; similar: cem@x\.example"):
        editing.delete(staff.store, Kind.USER, "ce", staff.now)


def test_attributes_are_set_and_cleared(staff) -> None:
    entry = editing.set_attributes(
        staff.store, Kind.USER, "cem", {"department": None, "jobTitle": "Counsel", "accountEnabled": False}
    )
    assert entry.attributes == {"userPrincipalName": "cem@x.example", "displayName": "Cem", "jobTitle": "Counsel"}
    assert entry.enabled is False
    assert entry.manager == "new-2"


def test_setting_what_is_so_already_takes_no_number(staff) -> None:
    number = staff.store.sequence()
    editing.set_attributes(staff.store, Kind.USER, "cem", {"department": "Legal", "manager": "bob", "x": None})
    assert staff.store.sequence() == number


@pytest.mark.parametrize("name", ["", "no-at", "two words@x.example", "a\x00@x.example", " a@x.example"])
def test_what_is_no_user_principal_name_is_refused(staff, name: str) -> None:
    with pytest.raises(Impossible, match="can't be a userPrincipalName"):
        editing.add_user(staff.store, name, {}, staff.new_id)
    with pytest.raises(Impossible, match="can't be a userPrincipalName"):
        editing.set_attributes(staff.store, Kind.USER, "cem", {"userPrincipalName": name})


def test_a_name_that_is_taken_is_refused_in_any_case(staff) -> None:
    with pytest.raises(Impossible, match=r"ann@x\.example belongs to another user already, with the id new-1"):
        editing.set_attributes(staff.store, Kind.USER, "cem", {"userPrincipalName": "ANN@X.EXAMPLE"})
    with pytest.raises(Impossible, match="Crew belongs to another group"):
        editing.add_group(staff.store, "CREW", {}, staff.new_id)


def test_nobody_manages_themselves_not_even_through_others(staff) -> None:
    with pytest.raises(Impossible, match="circle"):
        editing.set_attributes(staff.store, Kind.USER, "ann", {"manager": "cem"})
    with pytest.raises(Impossible, match="their own manager"):
        editing.set_attributes(staff.store, Kind.USER, "ann", {"manager": "ann"})


@pytest.mark.parametrize(("name", "value"), [("id", "x"), ("members", []), ("accountEnabled", "no")])
def test_what_cannot_be_set_is_refused(staff, name: str, value: object) -> None:
    with pytest.raises(Impossible, match=name):
        editing.set_attributes(staff.store, Kind.USER, "ann", {name: value})


def test_who_is_deleted_keeps_memberships_and_reports_and_comes_back_whole(staff) -> None:
    before = staff.user("bob")
    deleted = editing.delete(staff.store, Kind.USER, "bob", staff.now)
    assert (deleted.presence, deleted.deleted) == (Presence.SOFT_DELETED, staff.now)
    assert staff.members("Crew") == ["bob@x.example", "cem@x.example"]
    assert staff.user("cem").manager == before.id
    restored = editing.restore(staff.store, Kind.USER, "bob")
    assert (restored.presence, restored.attributes, restored.manager) == (
        Presence.PRESENT,
        before.attributes,
        before.manager,
    )


def test_the_deleted_can_only_be_restored_or_purged(staff) -> None:
    editing.delete(staff.store, Kind.USER, "bob", staff.now)
    with pytest.raises(Impossible, match="was deleted; restore the user first"):
        editing.set_attributes(staff.store, Kind.USER, "bob", {})
    with pytest.raises(Impossible, match="was deleted already"):
        editing.delete(staff.store, Kind.USER, "bob", staff.now)
    with pytest.raises(Impossible, match="isn't deleted"):
        editing.purge(staff.store, Kind.USER, "cem")


def test_a_restore_is_refused_when_the_name_is_somebody_elses_by_now(staff) -> None:
    editing.delete(staff.store, Kind.USER, "bob", staff.now)
    editing.add_user(staff.store, "bob@x.example", {}, staff.new_id)
    with pytest.raises(Impossible, match="belongs to another user"):
        editing.restore(staff.store, Kind.USER, "new-2")
    with pytest.raises(Impossible, match="belongs to another user"):
        editing.restore(staff.store, Kind.USER, "bob@x.example")


def test_a_purge_leaves_an_id_and_a_name_and_nothing_else(staff) -> None:
    id = staff.user("bob").id
    editing.delete(staff.store, Kind.USER, "bob", staff.now)
    editing.purge(staff.store, Kind.USER, "bob")
    with staff.store.browse() as browser:
        tombstone = browser.entry(Kind.USER, id)
        assert browser.named(Kind.USER, "bob@x.example") == []
    assert (tombstone.name, tombstone.presence, tombstone.attributes) == ("bob@x.example", Presence.PURGED, {})
    assert staff.members("Crew") == ["cem@x.example"]
    assert staff.user("cem").manager is None


def test_what_was_deleted_thirty_days_ago_is_purged_and_nothing_sooner(staff) -> None:
    editing.delete(staff.store, Kind.USER, "bob", staff.now - timedelta(days=30))
    editing.delete(staff.store, Kind.GROUP, "Crew", staff.now - timedelta(days=31))
    editing.delete(staff.store, Kind.USER, "cem", staff.now - timedelta(days=29, hours=23))
    assert editing.purge_expired(staff.store, staff.now) == 2
    assert staff.user("cem").presence is Presence.SOFT_DELETED
    number = staff.store.sequence()
    assert editing.purge_expired(staff.store, staff.now) == 0
    assert staff.store.sequence() == number


def test_groups_do_not_contain_themselves_not_even_through_others(staff) -> None:
    for name in ("Fleet", "Navy"):
        editing.add_group(staff.store, name, {}, staff.new_id)
    membership.add_member(staff.store, "Navy", Kind.GROUP, "Fleet")
    membership.add_member(staff.store, "Fleet", Kind.GROUP, "Crew")
    with pytest.raises(Impossible, match="Navy can't be a member of Crew"):
        membership.add_member(staff.store, "Crew", Kind.GROUP, "Navy")
    with pytest.raises(Impossible, match="circle"):
        membership.add_member(staff.store, "Crew", Kind.GROUP, "Crew")


def test_a_membership_is_added_and_removed_once(staff) -> None:
    assert membership.add_member(staff.store, "Crew", Kind.USER, "ann")[2] is True
    number = staff.store.sequence()
    assert membership.add_member(staff.store, "Crew", Kind.USER, "ann")[2] is False
    assert staff.store.sequence() == number
    membership.remove_member(staff.store, "Crew", Kind.USER, "ann")
    with pytest.raises(Impossible, match="isn't a direct member"):
        membership.remove_member(staff.store, "Crew", Kind.USER, "ann")


def test_an_assignment_needs_somebody_who_is_there(staff) -> None:
    with pytest.raises(Impossible, match="no group"):
        membership.assign(staff.store, "mixpanel", Kind.GROUP, "Navy", staff.new_id)
    editing.delete(staff.store, Kind.USER, "bob", staff.now)
    with pytest.raises(Impossible, match="was deleted"):
        membership.assign(staff.store, "mixpanel", Kind.USER, "bob", staff.new_id)


def test_who_holds_a_role_already_keeps_the_assignment_and_its_id(staff) -> None:
    role = "5f1f2c8e-9a6b-4c65-8c0e-3a7d9b3f2b10"
    assert membership.assign(staff.store, "mixpanel", Kind.USER, "bob", staff.new_id, role)[1] is True
    assert membership.assign(staff.store, "mixpanel", Kind.USER, "bob", staff.new_id, role)[1] is False
    assert membership.assign(staff.store, "mixpanel", Kind.USER, "bob", staff.new_id)[1] is True
    assert membership.unassign(staff.store, "mixpanel", Kind.USER, "bob", role)[1] == 1
    assert membership.unassign(staff.store, "mixpanel", Kind.USER, "bob")[1] == 1
    with pytest.raises(Impossible, match="isn't assigned to mixpanel"):
        membership.unassign(staff.store, "mixpanel", Kind.USER, "bob")
