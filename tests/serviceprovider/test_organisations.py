"""Organisations by hand: names, plans, single sign-on, tokens, members, teams."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from instep.serviceprovider import documents, domains, members, organisations, teams, tokens
from instep.serviceprovider.database import FILE, Database
from instep.serviceprovider.members import Role
from instep.serviceprovider.organisations import Organisation, Plan, Sso
from instep.serviceprovider.refusal import Forbidden, Invalid, LastOwner, Refusal, Taken, Unknown
from instep.serviceprovider.text import now

ISSUER = "https://idp.acme.example/"
PEM = organisations.stand_in_certificate(ISSUER, now())


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(tmp_path)
    with database.writing() as connection:
        yield connection
    database.close()


@pytest.fixture
def acme(connection: Connection) -> Organisation:
    return organisations.create(connection, "Acme", Plan.ENTERPRISE, now())


def with_sso(connection: Connection, made: Organisation) -> Organisation:
    organisations.set_up_sso(connection, made, Sso(f"{ISSUER}sso", ISSUER, PEM))
    return organisations.find(connection, made.name)


def with_domain(connection: Connection, made: Organisation) -> None:
    claim = domains.claim(connection, made, "acme.example")
    domains.verify(connection, made, "acme.example", [claim.record], now())


def test_an_organisation_is_found_by_name_and_number(connection: Connection, acme: Organisation):
    for name in "Acme", "ACME", str(acme.id):
        assert organisations.find(connection, name) == acme
    with pytest.raises(Unknown, match="'Acme'"):
        organisations.find(connection, "Globex")


@pytest.mark.parametrize("name", ["acme", " Acme "])
def test_a_name_is_taken_once(connection: Connection, acme: Organisation, name: str):
    with pytest.raises(Taken):
        organisations.create(connection, name, Plan.FREE, now())


@pytest.mark.parametrize("name", ["", " ", "7", "x" * 201])
def test_some_names_cannot_be(connection: Connection, name: str):
    with pytest.raises(Invalid):
        organisations.create(connection, name, Plan.FREE, now())


class TestSso:
    @pytest.mark.parametrize("bare", [False, True])
    def test_takes_pem_and_base64(self, connection: Connection, acme: Organisation, bare: bool):
        certificate = "".join(PEM.splitlines()[1:-1]) if bare else PEM
        organisations.set_up_sso(connection, acme, Sso(f"{ISSUER}sso", ISSUER, certificate))
        sso = organisations.find(connection, "Acme").sso
        assert sso == Sso(f"{ISSUER}sso", ISSUER, PEM)

    @pytest.mark.parametrize(
        "sso",
        [
            Sso("idp.acme.example", ISSUER, PEM),
            Sso(ISSUER, "acme", PEM),
            Sso(ISSUER, "ftp://idp.acme.example", PEM),
            Sso(ISSUER, "https://[bad", PEM),
            Sso(ISSUER, ISSUER, "<EntityDescriptor/>"),
            Sso(ISSUER, ISSUER, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
            Sso(ISSUER, ISSUER, "AAAA"),
        ],
    )
    def test_refuses_what_is_no_url_or_certificate(self, connection: Connection, acme: Organisation, sso: Sso):
        with pytest.raises(Invalid):
            organisations.set_up_sso(connection, acme, sso)

    def test_an_issuer_belongs_to_one_organisation(self, connection: Connection, acme: Organisation):
        with_sso(connection, acme)
        with_sso(connection, acme)
        globex = organisations.create(connection, "Globex", Plan.GROWTH, now())
        with pytest.raises(Taken, match="issuer"):
            with_sso(connection, globex)

    def test_needs_a_paid_plan(self, connection: Connection):
        free = organisations.create(connection, "Free", Plan.FREE, now())
        with pytest.raises(Refusal, match="Growth"):
            with_sso(connection, free)


class TestToken:
    def test_needs_the_plan_sso_and_a_verified_domain(self, connection: Connection, acme: Organisation):
        with pytest.raises(Refusal, match="single sign-on"):
            tokens.mint(connection, acme, now())
        acme = with_sso(connection, acme)
        domains.claim(connection, acme, "acme.example")
        with pytest.raises(Refusal, match="verified domain"):
            tokens.mint(connection, acme, now())
        with_domain(connection, acme)
        organisations.set_plan(connection, acme, Plan.GROWTH)
        with pytest.raises(Forbidden, match="Enterprise"):
            tokens.mint(connection, organisations.find(connection, "Acme"), now())
        organisations.set_plan(connection, acme, Plan.ENTERPRISE)
        assert tokens.mint(connection, acme, now())

    def test_is_random_shown_once_and_kept_as_a_hash(self, connection: Connection, acme: Organisation, tmp_path: Path):
        acme = with_sso(connection, acme)
        with_domain(connection, acme)
        token = tokens.mint(connection, acme, now())
        assert token.startswith(tokens.PREFIX)
        assert len(token) == len(tokens.PREFIX) + 43  # 256 bits in base64url
        live = tokens.live(connection, acme)
        assert live
        assert live.hint == token[-4:]
        connection.commit()
        for file in tmp_path.iterdir():
            assert token.removeprefix(tokens.PREFIX).encode() not in file.read_bytes()

    def test_a_new_one_revokes_the_old(self, connection: Connection, acme: Organisation):
        acme = with_sso(connection, acme)
        with_domain(connection, acme)
        old, new = tokens.mint(connection, acme, now()), tokens.mint(connection, acme, now())
        assert tokens.open_with(connection, old) is None
        opened = tokens.open_with(connection, new)
        assert opened
        assert opened.organisation_id == acme.id
        for wrong in new[:-1], new + "x", new.upper(), new.removeprefix(tokens.PREFIX), "", "ä", "\ud800":
            assert tokens.open_with(connection, wrong) is None
        tokens.revoke(connection, acme)
        assert tokens.open_with(connection, new) is None


class TestMembers:
    def test_are_invited_whatever_the_domain(self, connection: Connection, acme: Organisation):
        made = members.invite(connection, acme, "Guest@elsewhere.example", Role.ADMIN, "Guest", now())
        assert (made.email, made.name, made.role, made.active) == ("Guest@elsewhere.example", "Guest", Role.ADMIN, True)
        with pytest.raises(Taken):
            members.invite(connection, acme, "guest@elsewhere.example", Role.MEMBER, None, now())
        with pytest.raises(Invalid):
            members.invite(connection, acme, "guest", Role.MEMBER, None, now())

    def test_the_last_owner_keeps_the_role_and_the_place(self, connection: Connection, acme: Organisation):
        members.invite(connection, acme, "ada@acme.example", Role.OWNER, None, now())
        members.invite(connection, acme, "bob@acme.example", Role.MEMBER, None, now())
        for change in (
            lambda: members.set_role(connection, acme, "ada@acme.example", Role.ADMIN),
            lambda: members.remove(connection, acme, "ada@acme.example"),
        ):
            with pytest.raises(LastOwner):
                change()
        members.set_role(connection, acme, "ada@acme.example", Role.OWNER)
        members.set_role(connection, acme, "bob@acme.example", Role.OWNER)
        members.remove(connection, acme, "ada@acme.example")
        assert [each.email for each in members.every(connection, acme)] == ["bob@acme.example"]
        with pytest.raises(Unknown):
            members.remove(connection, acme, "ada@acme.example")

    def test_a_login_is_made_once(self, connection: Connection):
        members.sign_up(connection, "eve@acme.example", now())
        with pytest.raises(Taken):
            members.sign_up(connection, "EVE@acme.example", now())

    def test_a_login_stays_with_another_organisation_when_an_address_changes(
        self, connection: Connection, acme: Organisation
    ):
        globex = organisations.create(connection, "Globex", Plan.ENTERPRISE, now())
        for each in acme, globex:
            members.invite(connection, each, "ada@acme.example", Role.MEMBER, None, now())
        row = members._row(connection, acme, "ada@acme.example")
        members.change(connection, row, documents.person({"schemas": [], "userName": "a@acme.example"}), now())
        assert members.get(connection, globex, "ada@acme.example").email == "ada@acme.example"
        for email in "ada@acme.example", "a@acme.example":
            with pytest.raises(Taken):
                members.sign_up(connection, email, now())


def test_teams_by_hand(connection: Connection, acme: Organisation):
    members.invite(connection, acme, "ada@acme.example", Role.MEMBER, None, now())
    teams.create(connection, acme, "Analysts", ["ADA@acme.example"], now())
    with pytest.raises(Invalid, match="no member bob"):
        teams.create(connection, acme, "Others", ["ada@acme.example", "bob@acme.example"], now())
    with pytest.raises(Taken):
        teams.create(connection, acme, "ANALYSTS", [], now())
    (team,) = teams.every(connection, acme)
    assert (team.name, team.managed, team.members) == ("Analysts", False, ("ada@acme.example",))


def test_the_data_is_for_its_owner_only(tmp_path: Path):
    Database(tmp_path / "new").close()
    assert stat.S_IMODE((tmp_path / "new" / FILE).stat().st_mode) == 0o600


def test_data_of_another_version_is_refused(tmp_path: Path):
    database = Database(tmp_path)
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OSError, match="another version"):
        Database(tmp_path)
