"""Who is affected: the queries that find the subjects to look at.

That nobody is missed rests on one argument. A path from an assignment down to a person that exists now and
didn't before, or the other way round, has a lowest link that changed; all links below it exist now. So walking
down the living links from the child of each link that changed, removed ones included, reaches that person; and
walking up from it reaches each group whose flattened members changed. `UNION` visits each group once, so circles
of groups end. A soft-deleted group's links don't count, and deleting or restoring it is a change of the group.
"""

from sqlalchemy import TextClause, text

from instep.core.subject import Kind

# app: the view's; nested: whether scope goes down through nested groups.
ASSIGNED_USERS = text("""
WITH RECURSIVE below(id) AS (
    SELECT a.principal_id
    FROM assignments a JOIN groups g ON g.id = a.principal_id AND g.presence = 'present'
    WHERE a.app = :app AND a.principal_kind = 'Group' AND NOT a.removed
  UNION
    SELECT m.member_id
    FROM below b
    JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'Group' AND NOT m.removed
    JOIN groups g ON g.id = m.member_id AND g.presence = 'present'
    WHERE :nested
)
SELECT u.id FROM users u
WHERE u.presence = 'present' AND u.id IN (
    SELECT m.member_id FROM below b JOIN memberships m ON m.group_id = b.id
    WHERE m.member_kind = 'User' AND NOT m.removed
  UNION
    SELECT a.principal_id FROM assignments a
    WHERE a.app = :app AND a.principal_kind = 'User' AND NOT a.removed
)
ORDER BY u.id
""")

ALL_USERS = text("SELECT id FROM users WHERE presence = 'present' ORDER BY id")

ASSIGNED_GROUPS = text("""
SELECT g.id FROM groups g
WHERE g.presence = 'present' AND g.id IN (
    SELECT principal_id FROM assignments WHERE app = :app AND principal_kind = 'Group' AND NOT removed
)
ORDER BY g.id
""")

ALL_GROUPS = text("SELECT id FROM groups WHERE presence = 'present' ORDER BY id")

CHANGED_USERS = text("""
WITH RECURSIVE below(id) AS (
    SELECT principal_id FROM assignments WHERE seq > :since AND app = :app AND principal_kind = 'Group'
  UNION
    SELECT id FROM groups WHERE placed > :since
  UNION
    SELECT member_id FROM memberships WHERE seq > :since AND member_kind = 'Group' AND :nested
  UNION
    SELECT m.member_id
    FROM below b
    JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'Group' AND NOT m.removed
    JOIN groups g ON g.id = m.member_id AND g.presence = 'present'
    WHERE :nested
)
SELECT id FROM users WHERE seq > :since
UNION
SELECT member_id FROM memberships WHERE seq > :since AND member_kind = 'User'
UNION
SELECT principal_id FROM assignments WHERE seq > :since AND app = :app AND principal_kind = 'User'
UNION
SELECT m.member_id FROM below b JOIN memberships m ON m.group_id = b.id
WHERE m.member_kind = 'User' AND NOT m.removed
ORDER BY 1
""")

# flattened: whether a group's members in the app are the people below it.
# everybody: whether groups that were never assigned to the app matter.
CHANGED_GROUPS = text("""
WITH RECURSIVE above(id) AS (
    SELECT group_id FROM memberships WHERE seq > :since
  UNION
    SELECT m.group_id
    FROM groups g JOIN memberships m ON m.member_id = g.id AND m.member_kind = 'Group' AND NOT m.removed
    WHERE g.placed > :since
  UNION
    SELECT m.group_id
    FROM above a
    JOIN groups g ON g.id = a.id AND g.presence = 'present'
    JOIN memberships m ON m.member_id = a.id AND m.member_kind = 'Group' AND NOT m.removed
    WHERE :flattened
)
SELECT g.id FROM groups g
WHERE g.id IN (
    SELECT id FROM groups WHERE seq > :since
  UNION
    SELECT principal_id FROM assignments WHERE seq > :since AND app = :app AND principal_kind = 'Group'
  UNION
    SELECT id FROM above
)
AND (:everybody OR g.id IN (SELECT principal_id FROM assignments WHERE app = :app AND principal_kind = 'Group'))
ORDER BY g.id
""")


def query(kind: Kind, scope: str, since: int | None) -> TextClause:
    """The query for subjects of that kind; all of them take the parameters of this module, or fewer."""
    if since is not None:
        return CHANGED_USERS if kind is Kind.USER else CHANGED_GROUPS
    if scope == "all":
        return ALL_USERS if kind is Kind.USER else ALL_GROUPS
    return ASSIGNED_USERS if kind is Kind.USER else ASSIGNED_GROUPS
