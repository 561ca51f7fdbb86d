"""What is checked of an import against itself and the directory, each as a query that finds the faulty rows.

Each check gives file, line, column, value and what is said about it. `{0}` in a text stands for a further value of
the row. They run after ids, managers and members have been looked up (`merge`), inside its transaction.
"""

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct
from sqlalchemy import Connection, text

from instep.core.directory import Fault


class _Check(Struct, frozen=True):
    column: str
    expected: str
    query: str
    """Gives file number, line, value, and what stands for {0}."""


_BEFORE = (
    _Check(
        "id",
        "is also on line {0}; an id may be there only once",
        """
SELECT later.file, later.line, later.id,
    first.line || CASE first.file WHEN later.file THEN '' ELSE ' of ' || f.name END
FROM (SELECT id, min(rowid) AS first FROM staging.objects GROUP BY id HAVING count(*) > 1) twice
JOIN staging.objects first ON first.rowid = twice.first JOIN staging.files f ON f.number = first.file
JOIN staging.objects later ON later.id = twice.id AND later.rowid > twice.first
""",
    ),
    _Check(
        "userPrincipalName",
        "is also on line {0}; it may be there only once, whatever its case",
        """
SELECT later.file, later.line, later.name,
    first.line || CASE first.file WHEN later.file THEN '' ELSE ' of ' || f.name END
FROM (
    SELECT name_key, min(rowid) AS first FROM staging.objects
    WHERE kind = 'User' AND name_key IS NOT NULL AND presence = 'present' GROUP BY name_key HAVING count(*) > 1
) twice
JOIN staging.objects first ON first.rowid = twice.first JOIN staging.files f ON f.number = first.file
JOIN staging.objects later
    ON later.kind = 'User' AND later.name_key = twice.name_key AND later.rowid > twice.first
    AND later.presence = 'present'
""",
    ),
    _Check(
        "id",
        "is a group's in the directory; users and groups can't share an id",
        """
SELECT s.file, s.line, s.id, '' FROM staging.objects s JOIN groups g ON g.id = s.id WHERE s.kind = 'User'
""",
    ),
    _Check(
        "id",
        "is a user's in the directory; users and groups can't share an id",
        """
SELECT s.file, s.line, s.id, '' FROM staging.objects s JOIN users u ON u.id = s.id WHERE s.kind = 'Group'
""",
    ),
    _Check(
        "userPrincipalName",
        "is missing, and the directory has no user with this id",
        """
SELECT s.file, s.line, s.id, '' FROM staging.objects s
WHERE s.kind = 'User' AND s.name IS NULL
AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.id AND u.presence <> 'purged')
""",
    ),
    _Check(
        "displayName",
        "is missing, and the directory has no group with this id",
        """
SELECT s.file, s.line, s.id, '' FROM staging.objects s
WHERE s.kind = 'Group' AND s.name IS NULL
AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = s.id AND g.presence <> 'purged')
""",
    ),
    _Check(
        "displayName",
        "comes without an id, and {0} groups have this name; give the id",
        """
SELECT s.file, s.line, s.name, count(*) FROM staging.objects s
JOIN groups g ON g.name_key = s.name_key AND g.presence = 'present'
WHERE s.kind = 'Group' AND s.made GROUP BY s.rowid HAVING count(*) > 1
""",
    ),
    _Check(
        "manager",
        "is nobody's id or userPrincipalName, neither in what is imported nor in the directory",
        """
SELECT file, line, manager, '' FROM staging.objects WHERE manager IS NOT NULL AND manager_id IS NULL
""",
    ),
    _Check(
        "group",
        "is the id or the name of no group, or the name of several; import or add the group first, or give its id",
        """
SELECT file, min(line), group_ref, '' FROM staging.memberships
WHERE group_id IS NULL AND file NOT IN (SELECT number FROM staging.files WHERE group_ref IS NOT NULL)
GROUP BY file, group_ref
""",
    ),
    _Check(
        "",
        "is the id or the name of no group, or the name of several; say with --group whose members these are, "
        "and import or add that group first",
        """
SELECT number, 0, group_ref, '' FROM staging.files WHERE group_ref IS NOT NULL AND group_id IS NULL
""",
    ),
    _Check(
        "member",
        "is nobody in what is imported or in the directory; import users and groups before or with their memberships",
        """
SELECT file, line, member_ref, '' FROM staging.memberships WHERE member_id IS NULL
""",
    ),
    _Check(
        "principal",
        "is no user or group in what is imported or in the directory",
        """
SELECT file, line, principal_ref, '' FROM staging.assignments WHERE principal_id IS NULL
""",
    ),
)

_AFTER = (
    _Check(
        "userPrincipalName",
        "belongs to another user already, with the id {0}; rename or delete that one first",
        """
SELECT s.file, s.line, s.name, u.id
FROM staging.objects s
JOIN users u ON u.name_key = s.name_key AND u.presence = 'present' AND u.id <> s.id
WHERE s.kind = 'User' AND s.presence = 'present'
""",
    ),
)


def before(connection: Connection, limit: int) -> list[Fault]:
    """What is wrong before anything is taken over; at most `limit` of each kind."""
    return _run(connection, _BEFORE, limit)


def after(connection: Connection, limit: int) -> list[Fault]:
    """What is wrong with the directory as it would be."""
    return _run(connection, _AFTER, limit)


def _run(connection: Connection, checks: Iterable[_Check], limit: int) -> list[Fault]:
    files = {file.number: file.name for file in connection.execute(text("SELECT number, name FROM staging.files"))}
    found: list[Fault] = []
    for check in checks:
        for file, line, value, more in islice(connection.execute(text(check.query)), limit):
            found.append(Fault(files[file], line, check.column, value or "", check.expected.format(more)))
    return found
