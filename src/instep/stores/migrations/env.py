"""What alembic runs to migrate: the transaction that it's handed, and nothing of its own.

The connection comes from `instep.stores.schema`, which also commits. Revisions are in a folder per database.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
