"""Claiming a domain by DNS, against a real DNS server on loopback."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.serviceprovider.dnszone import Zone, served

from instep.serviceprovider import domains, organisations
from instep.serviceprovider.database import Database
from instep.serviceprovider.organisations import Organisation, Plan
from instep.serviceprovider.refusal import Invalid, Refusal, Taken, Unknown
from instep.serviceprovider.text import now


@pytest.fixture
def zone() -> Iterator[Zone]:
    with served() as zone:
        yield zone


@pytest.fixture
def lookup(zone: Zone) -> domains.Lookup:
    return domains.dns_lookup("127.0.0.1", zone.port, seconds=2)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path)
    yield database
    database.close()


def created(database: Database, name: str = "Acme") -> Organisation:
    with database.writing() as connection:
        return organisations.create(connection, name, Plan.ENTERPRISE, now())


def claimed(database: Database, made: Organisation, name: str = "acme.example") -> domains.Domain:
    with database.writing() as connection:
        return domains.claim(connection, made, name)


def judged(
    database: Database, made: Organisation, records: list[str], later: timedelta = timedelta()
) -> domains.Domain:
    with database.writing() as connection:
        return domains.verify(connection, made, "acme.example", records, now() + later)


def test_a_published_record_verifies_the_domain(database: Database, zone: Zone, lookup: domains.Lookup):
    acme = created(database)
    claim = claimed(database, acme)
    assert claim.record.startswith("mixpanel-domain-verify=")
    zone.records["acme.example"] = ["v=spf1 -all", claim.record, "x" * 700]
    records = lookup("acme.example")
    assert records == zone.records["acme.example"]
    domain = judged(database, acme, records)
    assert domain.verified_at
    assert domains.problem(domain, records) is None
    with database.reading() as connection:
        assert domains.is_verified(connection, acme.id, "acme.example")


@pytest.mark.parametrize("records", [[], ["mixpanel-domain-verify=wrong"], ["mixpanel-domain-verify="], None])
def test_without_the_right_record_it_stays_pending(
    database: Database, zone: Zone, lookup: domains.Lookup, records: list[str] | None
):
    acme = created(database)
    claim = claimed(database, acme)
    if records is not None:
        zone.records["acme.example"] = records
    domain = judged(database, acme, lookup("acme.example"))
    assert domain.verified_at is None
    problem = domains.problem(domain, records or [])
    assert problem
    assert claim.record in problem


def test_a_server_that_does_not_answer_is_a_refusal():
    with pytest.raises(Refusal, match=r"127\.0\.0\.1 port 9"):
        domains.dns_lookup("127.0.0.1", 9, seconds=0.3)("acme.example")


def test_claiming_again_gives_the_same_record(database: Database):
    acme = created(database)
    assert claimed(database, acme).record == claimed(database, acme, "ACME.example.").record


def test_a_domain_belongs_to_the_first_who_proves_it(database: Database):
    acme, globex = created(database), created(database, "Globex")
    first, second = claimed(database, acme), claimed(database, globex)
    assert first.record != second.record
    assert judged(database, globex, [first.record, second.record]).verified_at
    with pytest.raises(Taken, match="another organisation"):
        judged(database, acme, [first.record, second.record])
    with pytest.raises(Taken, match="another organisation"):
        claimed(database, created(database, "Third"))
    assert judged(database, globex, [second.record]).verified_at


def test_a_record_that_is_gone_unverifies_the_domain_after_a_week(database: Database):
    acme = created(database)
    claim = claimed(database, acme)
    judged(database, acme, [claim.record])
    gone = judged(database, acme, [])
    assert gone.verified_at
    assert "stays verified until" in (domains.problem(gone, []) or "")
    assert judged(database, acme, [], timedelta(days=6)).verified_at
    assert judged(database, acme, [claim.record], timedelta(days=6)).missing_since is None
    judged(database, acme, [], timedelta(days=7))
    assert judged(database, acme, [], timedelta(days=15)).verified_at is None


@pytest.mark.parametrize(
    "name",
    ["", "acme", "ac me.example", "a..b.example", "-a.example", "acme.example/x", "1.2.3.4", f"{'a' * 64}.example"],
)
def test_what_is_no_domain_name_is_refused(database: Database, name: str):
    with pytest.raises(Invalid, match="domain name"):
        claimed(database, created(database), name)


def test_verifying_needs_a_claim(database: Database):
    with pytest.raises(Unknown, match="claim it first"):
        judged(database, created(database), ["mixpanel-domain-verify=x"])
