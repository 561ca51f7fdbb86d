"""The statements of `merge`, in the order in which they run. `staging` is the attached file of an import.

Parameters: seq is the transaction's number, now the time of a removal.
"""

# Which ids the rows mean. What is imported goes before what the directory holds.
LOOK_UP = (
    # A row without an id means the user with that name; or the last one who had it and is in the recycle bin, unless
    # the employee ids say that it's somebody else: a new hire with a leaver's address must not become the leaver.
    """
UPDATE staging.objects AS s SET id = coalesce((
    SELECT u.id FROM users u
    WHERE u.name_key = s.name_key AND (u.presence = 'present' OR u.presence = 'soft-deleted'
        AND coalesce(u.document ->> 'employeeId', s.document ->> 'employeeId', '')
          = coalesce(s.document ->> 'employeeId', u.document ->> 'employeeId', ''))
    ORDER BY u.presence = 'present' DESC, u.deleted_at DESC, u.id LIMIT 1
), s.id)
WHERE s.made AND s.kind = 'User'
""",
    """
UPDATE staging.objects AS s SET id = coalesce((
    SELECT g.id FROM groups g WHERE g.name_key = s.name_key AND g.presence <> 'purged'
    ORDER BY g.presence = 'present' DESC, g.deleted_at DESC, g.id LIMIT 1
), s.id)
WHERE s.made AND s.kind = 'Group'
""",
    """
UPDATE staging.refs AS r SET
    user_id = coalesce(
        (SELECT id FROM staging.objects WHERE kind = 'User' AND id = r.ref),
        (SELECT id FROM users WHERE id = r.ref AND presence <> 'purged'),
        (SELECT id FROM staging.objects WHERE kind = 'User' AND name_key = r.ref_key),
        (SELECT id FROM users WHERE name_key = r.ref_key AND presence = 'present')
    ),
    group_id = coalesce(
        (SELECT id FROM staging.objects WHERE kind = 'Group' AND id = r.ref),
        (SELECT id FROM groups WHERE id = r.ref AND presence <> 'purged'),
        (SELECT CASE WHEN count(DISTINCT id) = 1 THEN min(id) END FROM (
            SELECT id FROM staging.objects WHERE kind = 'Group' AND name_key = r.ref_key
            UNION ALL SELECT id FROM groups WHERE name_key = r.ref_key AND presence = 'present'
        ))
    )
""",
    """
UPDATE staging.objects SET manager_id = (SELECT user_id FROM staging.refs WHERE ref = manager)
WHERE manager IS NOT NULL
""",
    """
UPDATE staging.files SET group_id = (SELECT group_id FROM staging.refs WHERE ref = group_ref)
WHERE group_ref IS NOT NULL
""",
    """
UPDATE staging.memberships AS m SET
    group_id = (SELECT group_id FROM staging.refs WHERE ref = m.group_ref),
    (kind, member_id) = (
        SELECT
            CASE WHEN m.kind = 'Group' OR m.kind IS NULL AND user_id IS NULL THEN 'Group' ELSE 'User' END,
            CASE m.kind WHEN 'User' THEN user_id WHEN 'Group' THEN group_id ELSE coalesce(user_id, group_id) END
        FROM staging.refs WHERE ref = m.member_ref
    )
""",
    """
UPDATE staging.assignments AS a SET (kind, principal_id) = (
    SELECT CASE WHEN user_id IS NULL THEN 'Group' ELSE 'User' END, coalesce(user_id, group_id)
    FROM staging.refs WHERE ref = a.principal_ref
)
""",
    "CREATE INDEX staging.memberships_ids ON memberships (group_id, member_id)",
)

# What a complete list lacks. Memberships are complete for the group of a list of members, and in a file with
# memberships of several groups for each group in it.
VIEWS = (
    """
CREATE TEMP VIEW users_gone AS
SELECT id FROM users
WHERE presence = 'present' AND source IN (SELECT source FROM staging.files WHERE users)
AND NOT EXISTS (SELECT 1 FROM staging.objects s WHERE s.id = users.id)
""",
    """
CREATE TEMP VIEW groups_gone AS
SELECT id FROM groups
WHERE presence = 'present' AND source IN (SELECT source FROM staging.files WHERE groups)
AND NOT EXISTS (SELECT 1 FROM staging.objects s WHERE s.id = groups.id)
""",
    """
CREATE TEMP VIEW listed AS
SELECT group_id AS id FROM staging.files WHERE group_id IS NOT NULL
UNION SELECT group_id FROM staging.memberships
UNION SELECT s.id FROM staging.objects s JOIN staging.files f ON f.number = s.file
WHERE s.kind = 'Group' AND f.memberships
""",
    """
CREATE TEMP VIEW memberships_gone AS
SELECT group_id, member_id FROM memberships
WHERE NOT removed AND group_id IN (SELECT id FROM listed) AND NOT EXISTS (
    SELECT 1 FROM staging.memberships m WHERE m.group_id = memberships.group_id AND m.member_id = memberships.member_id
)
""",
)

# How many would go, and of how many.
GONE = {
    "users": """
SELECT (SELECT count(*) FROM users_gone), (
    SELECT count(*) FROM users WHERE presence = 'present' AND source IN (SELECT source FROM staging.files WHERE users)
)
""",
    "groups": """
SELECT (SELECT count(*) FROM groups_gone), (
    SELECT count(*) FROM groups WHERE presence = 'present' AND source IN (SELECT source FROM staging.files WHERE groups)
)
""",
    "memberships": """
SELECT (
    SELECT count(*) FROM memberships_gone WHERE group_id NOT IN (SELECT id FROM groups_gone)
) + (
    SELECT count(*) FROM memberships WHERE NOT removed AND group_id IN (SELECT id FROM groups_gone)
), (
    SELECT count(*) FROM memberships
    WHERE NOT removed AND group_id IN (SELECT id FROM listed UNION SELECT id FROM groups_gone)
)
""",
}
# Groups that stay and would lose half of their members or more, of those who lose more than :most.
EMPTIED = """
WITH lost AS (
    SELECT group_id AS team, count(*) AS gone FROM memberships_gone GROUP BY group_id HAVING count(*) > :most
),
held AS (
    SELECT group_id, count(*) AS there FROM memberships
    WHERE NOT removed AND group_id IN (SELECT team FROM lost) GROUP BY group_id
)
SELECT g.name, gone, there FROM lost JOIN held ON group_id = team JOIN groups g ON g.id = team
WHERE gone * 2 >= there AND team NOT IN (SELECT id FROM groups_gone) ORDER BY g.name LIMIT 5
"""
REMOVE = {
    "users": """
UPDATE users SET presence = 'soft-deleted', deleted_at = :now, seq = :seq WHERE id IN (SELECT id FROM users_gone)
""",
    "groups": """
UPDATE groups SET presence = 'soft-deleted', deleted_at = :now, seq = :seq, placed = :seq
WHERE id IN (SELECT id FROM groups_gone)
""",
    "memberships": """
UPDATE memberships SET removed = 1, seq = :seq
WHERE (group_id, member_id) IN (SELECT group_id, member_id FROM memberships_gone)
""",
}

COUNT = {
    "users": "SELECT count(*) FROM staging.objects WHERE kind = 'User'",
    "groups": "SELECT count(*) FROM staging.objects WHERE kind = 'Group'",
    "memberships": "SELECT count(*) FROM (SELECT DISTINCT group_id, member_id FROM staging.memberships)",
    "assignments": "SELECT count(*) FROM (SELECT DISTINCT app, principal_id, role FROM staging.assignments)",
}

# Purged ones that exist again, and soft-deleted ones that are restored.
COMING_BACK = {
    "users": """
SELECT count(*) FILTER (WHERE u.presence = 'purged'), count(*) FILTER (WHERE u.presence = 'soft-deleted')
FROM staging.objects s JOIN users u ON u.id = s.id WHERE s.presence = 'present' AND u.presence <> 'present'
""",
    "groups": """
SELECT count(*) FILTER (WHERE g.presence = 'purged'), count(*) FILTER (WHERE g.presence = 'soft-deleted')
FROM staging.objects s JOIN groups g ON g.id = s.id WHERE s.presence = 'present' AND g.presence <> 'present'
""",
}
UPDATE = {
    "users": """
UPDATE users SET
    seq = :seq, name = coalesce(s.name, users.name), name_key = coalesce(s.name_key, users.name_key),
    display_key = CASE WHEN s.display_given THEN s.display_key ELSE users.display_key END,
    enabled = coalesce(s.enabled, users.enabled OR users.presence = 'purged'),
    manager_id = CASE WHEN s.manager_given THEN s.manager_id ELSE users.manager_id END,
    presence = s.presence, deleted_at = s.deleted_at, document = json_patch(users.document, s.document)
FROM staging.objects s
WHERE s.kind = 'User' AND s.id = users.id AND (
    users.presence <> s.presence OR users.deleted_at IS NOT s.deleted_at
    OR users.name <> coalesce(s.name, users.name) OR users.enabled <> coalesce(s.enabled, users.enabled)
    OR s.manager_given AND users.manager_id IS NOT s.manager_id
    OR users.document <> json_patch(users.document, s.document)
)
""",
    "groups": """
UPDATE groups SET
    seq = :seq, placed = CASE WHEN groups.presence <> s.presence THEN :seq ELSE groups.placed END,
    name = coalesce(s.name, groups.name), name_key = coalesce(s.name_key, groups.name_key),
    presence = s.presence, deleted_at = s.deleted_at, document = json_patch(groups.document, s.document)
FROM staging.objects s
WHERE s.kind = 'Group' AND s.id = groups.id AND (
    groups.presence <> s.presence OR groups.deleted_at IS NOT s.deleted_at
    OR groups.name <> coalesce(s.name, groups.name) OR groups.document <> json_patch(groups.document, s.document)
)
""",
}
INSERT = {
    # In the order of ids: pages of ids are then pages of the file. By the index, since sorting takes memory.
    "users": """
INSERT INTO users (id, seq, name, name_key, display_key, enabled, manager_id, presence, deleted_at, source, document)
SELECT s.id, :seq, s.name, s.name_key, s.display_key, coalesce(s.enabled, 1), s.manager_id, s.presence, s.deleted_at,
    f.source, json_patch('{}', s.document)
FROM staging.objects s INDEXED BY objects_id CROSS JOIN staging.files f ON f.number = s.file
WHERE s.kind = 'User' AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.id)
ORDER BY s.id
""",
    "groups": """
INSERT INTO groups (id, seq, placed, name, name_key, presence, deleted_at, source, document)
SELECT s.id, :seq, :seq, s.name, s.name_key, s.presence, s.deleted_at, f.source, json_patch('{}', s.document)
FROM staging.objects s JOIN staging.files f ON f.number = s.file
WHERE s.kind = 'Group' AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = s.id)
ORDER BY s.id
""",
    "memberships": """
INSERT INTO memberships (group_id, member_id, member_kind, seq, removed)
SELECT group_id, member_id, kind, :seq, 0 FROM staging.memberships INDEXED BY memberships_ids
WHERE true ORDER BY group_id, member_id
ON CONFLICT (group_id, member_id) DO UPDATE
SET removed = 0, seq = excluded.seq, member_kind = excluded.member_kind WHERE removed
""",
    "assignments": """
INSERT INTO assignments (app, principal_id, role_id, principal_kind, id, seq, removed)
SELECT app, principal_id, role, kind, id, :seq, 0 FROM staging.assignments WHERE true
ON CONFLICT (app, principal_id, role_id) DO UPDATE
SET removed = 0, seq = excluded.seq, id = excluded.id WHERE removed
""",
}
# From where somebody comes is no change of theirs: it takes no number. Before those who are new come in.
OWN = (
    """
UPDATE users SET source = f.source FROM staging.objects s JOIN staging.files f ON f.number = s.file
WHERE s.kind = 'User' AND s.id = users.id AND users.source <> f.source
""",
    """
UPDATE groups SET source = f.source FROM staging.objects s JOIN staging.files f ON f.number = s.file
WHERE s.kind = 'Group' AND s.id = groups.id AND groups.source <> f.source
""",
)

NESTED = "SELECT group_id, member_id FROM memberships WHERE member_kind = 'Group' AND NOT removed"

# Where a circle was closed.
MANAGER_LINE = """
SELECT f.name, s.line, s.manager FROM staging.objects s JOIN staging.files f ON f.number = s.file
WHERE s.manager_given AND s.id IN (SELECT value FROM json_each(:ids)) ORDER BY s.file, s.line LIMIT 1
"""
NESTED_LINE = """
SELECT f.name, m.line, m.member_ref FROM staging.memberships m JOIN staging.files f ON f.number = m.file
WHERE m.kind = 'Group' AND m.group_id IN (SELECT value FROM json_each(:ids))
AND m.member_id IN (SELECT value FROM json_each(:ids)) ORDER BY m.file, m.line LIMIT 1
"""
