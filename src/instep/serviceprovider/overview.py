"""An organisation at a glance, for its administrator: plan, single sign-on, domains and token, as plain JSON values.

Nothing secret is in it: of the token only its last characters and when it was made and used.
"""

from typing import Any

from sqlalchemy import Connection

from instep.serviceprovider import domains, tokens
from instep.serviceprovider.domains import Domain
from instep.serviceprovider.journal import Journal
from instep.serviceprovider.organisations import Organisation


def of_organisation(connection: Connection, organisation: Organisation, journal: Journal) -> dict[str, Any]:
    """What `instep org show` shows."""
    sso = organisation.sso
    return {
        "id": organisation.id,
        "name": organisation.name,
        "plan": organisation.plan.value,
        "sso": {"issuer": sso.issuer, "signInUrl": sso.sign_in_url} if sso else None,
        "domains": [of_domain(each) for each in domains.claimed(connection, organisation)],
        "token": _of_token(connection, organisation, journal),
    }


def of_domain(domain: Domain) -> dict[str, Any]:
    """A claim and how it stands."""
    shown = {"domain": domain.name, "txtRecord": domain.record, "verified": domain.verified_at is not None}
    return {**shown, "recordMissingSince": domain.missing_since} if domain.missing_since else shown


def _of_token(connection: Connection, organisation: Organisation, journal: Journal) -> dict[str, Any] | None:
    live = tokens.live(connection, organisation)
    if live is None:
        return None
    # Only a live token gets a request counted; what was counted before it was made was another one's.
    used = max((each.last_at for each in journal.counts(organisation.id)), default="")
    last_used = used if used >= live.created_at else None
    return {"endsIn": live.hint, "createdAt": live.created_at, "lastUsedAt": last_used}
