"""The tables of the state: apps, jobs with their leases, links, memberships, intents, spool, log, cycles.

What queries are written against; the files of `stores/migrations/state` make them. A link's columns have the
names of its fields, its hold's with `hold_` before them. What an index is for stands next to it.
"""

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    literal_column,
    or_,
)

from instep.core.app import Audit, Credentials, Notifications, QuarantineLimits
from instep.core.change import AttributeChange, Decision, Step
from instep.core.job import JobStatus, ProgressReport, Reset
from instep.core.record import Exchange, Member
from instep.core.subject import AppRole, Kind
from instep.scim.abilities import Abilities
from instep.stores.columns import Document, UtcTime

metadata = MetaData()


class LogDetail(Struct, frozen=True, omit_defaults=True):
    """What of a log entry is only shown, never searched."""

    changes: tuple[AttributeChange, ...] = ()
    steps: tuple[Step, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    effects: dict[str, int] = {}
    added: tuple[Member, ...] = ()
    removed: tuple[Member, ...] = ()
    initiator: str = ""
    ended_by: int = 0


apps = Table(
    "apps",
    metadata,
    Column("name", String, primary_key=True),
    Column("display_name", String, nullable=False),
    Column("template", String, nullable=False),
    Column("tenant_url", String, nullable=False),
    Column("rules", Document(), nullable=False),
    Column("roles", Document(tuple[AppRole, ...]), nullable=False),
    Column("token", LargeBinary),  # encrypted, see `instep.stores.secrets`
    Column("interval_minutes", Integer, nullable=False, server_default="40"),
    Column("credentials", Document(Credentials), nullable=False, server_default="{}"),
    Column("notifications", Document(Notifications), nullable=False, server_default="{}"),
    Column("audit", Document(Audit), nullable=False, server_default="{}"),
    Column("quarantine", Document(QuarantineLimits), nullable=False, server_default="{}"),
)

schemas = Table(
    "schemas",
    metadata,
    Column("app", String, primary_key=True),
    Column("document", Document(), nullable=False),  # Graph's, complete, as it came in
)

jobs = Table(
    "jobs",
    metadata,
    Column("job", String, primary_key=True),
    Column("epoch", String),  # null: there is no watermark
    Column("sequence", BigInteger, nullable=False),
    Column("rules_version", String, nullable=False),
    Column("version", String, nullable=False, server_default=""),  # of Instep; both of the last cycle that began
    Column("rules_changed", Boolean, nullable=False, server_default="0"),  # and none has gone through since
    Column("abilities", Document(Abilities | None), nullable=False),
    Column("status", Document(JobStatus), nullable=False, server_default="{}"),
    Column("reset", Document(frozenset[Reset]), nullable=False, server_default="[]"),  # asked for, not yet carried out
    Column("progress", Document(ProgressReport | None), nullable=False, server_default="null"),
    Column("lease_owner", String),  # null: nobody holds the job
    Column("lease_token", BigInteger, nullable=False),  # only ever grows
    Column("lease_until", UtcTime),
)

links = Table(
    "links",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("app_id", String),
    Column("sent", Document(), nullable=False),
    Column("returned", Document(), nullable=False),
    Column("unknown", Document(frozenset[str]), nullable=False),
    Column("adopted", Boolean, nullable=False),
    Column("seed", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("rules_version", String, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("first_failure", UtcTime),
    Column("next_try", UtcTime),
    Column("last_error", String, nullable=False),
    Column("hold_digest", String),  # null: nothing is held
    Column("hold_kind", String),
    Column("hold_reason", String),
    Column("hold_since", UtcTime),
    Column("hold_verdict", String),
    Column("hold_effects", Document(dict[str, int]), nullable=False, server_default="{}"),
)
# An app id belongs to one subject for ever. Several nulls don't collide, in any dialect.
Index("links_app_id", links.c.job, links.c.kind, links.c.app_id, unique=True)
# How many there are of each status.
Index("links_status", links.c.job, links.c.kind, links.c.status)
# The escrow, by when it's due (an app that asks for patience sets a next try without a failure); and what is held.
# Both are small parts of the table. Queries must say it in the same words, since an index of a part is only used where
# the whole condition can be seen.
IN_ESCROW = or_(links.c.failures > literal_column("0"), links.c.next_try.is_not(None))
HELD = links.c.hold_digest.is_not(None)
Index("links_escrow", links.c.job, links.c.next_try, sqlite_where=IN_ESCROW, postgresql_where=IN_ESCROW)
Index("links_holds", links.c.job, links.c.hold_digest, sqlite_where=HELD, postgresql_where=HELD)

memberships = Table(
    "memberships",
    metadata,
    Column("job", String, primary_key=True),
    Column("group_id", String, primary_key=True),
    Column("member_id", String, primary_key=True),
    Column("state", String, nullable=False),
    sqlite_with_rowid=False,
)
# A member's memberships, for the day its account is gone.
Index("memberships_member", memberships.c.job, memberships.c.member_id)
WAITING = memberships.c.state == literal_column("'pending'")
Index("memberships_pending", memberships.c.job, memberships.c.member_id, memberships.c.state,
      sqlite_where=WAITING, postgresql_where=WAITING)  # fmt: skip

pending = Table(
    "pending",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject_id", String, primary_key=True),
    Column("target_id", String, primary_key=True),
    sqlite_with_rowid=False,
)

intents = Table(
    "intents",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("app_id", String),
    Column("began", UtcTime, nullable=False),
    Column("decision", Document(Decision), nullable=False),
)

spool = Table(
    "spool",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject_id", String, primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("on_demand", Boolean, nullable=False, server_default="0"),
    Column("makes_account", Boolean, nullable=False),
    Column("decision", Document(Decision), nullable=False),
)
# The order in which decisions take their turn.
Index("spool_order", spool.c.job, spool.c.priority, spool.c.ordinal, spool.c.kind, spool.c.subject_id)

log = Table(
    "log",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("job", String, nullable=False),
    Column("cycle", String, nullable=False),
    Column("change_id", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("name_key", String, nullable=False),  # the name, case-folded
    Column("app_id", String),
    Column("action", String, nullable=False),
    Column("status", String, nullable=False),
    Column("code", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("members_added", Integer, nullable=False),
    Column("members_removed", Integer, nullable=False),
    Column("milliseconds", BigInteger, nullable=False),
    Column("detail", Document(LogDetail), nullable=False),
    Column("ends", Boolean, nullable=False, server_default="0"),  # whether somebody's access ended by it
    Column("previous", String, nullable=False, server_default=""),  # the hash of the entry before it in its job
    Column("hash", String, nullable=False, server_default=""),  # of all the other columns: see `chain`
    sqlite_autoincrement=True,  # a pruned entry's number is never given again
)
# A job's entries in their order; one person's, and one cycle's.
Index("log_job", log.c.job, log.c.sequence)
Index("log_subject", log.c.job, log.c.subject_id)
Index("log_name", log.c.job, log.c.name_key)
Index("log_cycle", log.c.job, log.c.cycle)
# A stretch of time.
Index("log_at", log.c.job, log.c.at)

effects = Table(
    "effects",
    metadata,
    Column("sequence", Integer, primary_key=True),  # of the log entry, which may be pruned earlier
    Column("kind", String, primary_key=True),
    Column("job", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("count", Integer, nullable=False),
)
# What the guard counts of the last 24 hours.
Index("effects_at", effects.c.job, effects.c.at)

cycles = Table(
    "cycles",
    metadata,
    Column("job", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("began", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("result", String, nullable=False),
    Column("counts", Document(dict[str, int]), nullable=False),
    Column("message", String, nullable=False),
    Column("code", String, nullable=False, server_default=""),
)
Index("cycles_began", cycles.c.job, cycles.c.began)

chains = Table(
    "chains",
    metadata,
    Column("job", String, primary_key=True),
    # The newest entry that was pruned; with no hash, the newest from before the chain began, or 0.
    Column("first_sequence", BigInteger, nullable=False),
    Column("first_hash", String, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("last_hash", String, nullable=False),
    Column("broken_at", BigInteger, nullable=False),  # the first entry after a seal that didn't fit; 0: none
    Column("seal", String, nullable=False),  # of all these, by a key that isn't in the database
)

wishes = Table(
    "wishes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", String, nullable=False),
    Column("asked", UtcTime, nullable=False),
    Column("subjects", Document(tuple[tuple[Kind, str], ...]), nullable=False),
    Column("cycle", String, nullable=False),  # empty: nobody has taken it up
    sqlite_autoincrement=True,
)
Index("wishes_open", wishes.c.job, wishes.c.cycle)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("occasion", String, nullable=False),  # what it is about: one notice for each
    Column("at", UtcTime, nullable=False),
    Column("addresses", Document(tuple[str, ...]), nullable=False),
    Column("subject", String, nullable=False),
    Column("text", String, nullable=False),
    Column("html", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", UtcTime),  # null: sent, or given up
    Column("sent", UtcTime),
    Column("last_error", String, nullable=False),
    sqlite_autoincrement=True,
)
Index("notices_occasion", notices.c.job, notices.c.kind, notices.c.occasion, unique=True)
Index("notices_next_try", notices.c.next_try)

audits = Table(
    "audits",
    metadata,
    Column("job", String, primary_key=True),
    Column("began", UtcTime, nullable=False),
    Column("ended", UtcTime),  # null: under way, or cut off
    Column("result", String, nullable=False),
    Column("read", BigInteger, nullable=False),  # accounts and groups read so far
    Column("requests", BigInteger, nullable=False),
    Column("counts", Document(dict[str, int]), nullable=False),
    Column("message", String, nullable=False),
)

drift = Table(
    "drift",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject_id", String, primary_key=True),
    Column("path", String, primary_key=True),  # an attribute path, or `members` with the member after a space
    Column("name", String, nullable=False),
    Column("expected", Document(), nullable=False),
    Column("found", Document(), nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("times", Integer, nullable=False),  # how often it was found with the same value
    Column("state", String, nullable=False),  # `found`, `repairing`, `repaired`, `rewritten`
)

unmanaged = Table(
    "unmanaged",
    metadata,
    Column("job", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("app_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("subject_id", String),  # the person of the directory who matches, if any
    Column("reason", String, nullable=False),  # `disabled`, `unassigned`, `deleted`, `unknown`, ...
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
)
