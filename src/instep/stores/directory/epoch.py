"""The epoch: which directory this is, so that a restored copy isn't taken for "nothing changed".

Whoever reads changes remembers (epoch, sequence number). A copy that was restored from a backup has the same
epoch and numbers that were used before for other changes. So the newest number is also kept beside the
database, in a file of its own. When a write finds that the database is behind that file, or that the file is
missing or of another directory, the directory gets a new epoch and is evaluated in full, once.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from instep.stores.columns import sql


def renew_if_restored(connection: Connection, mark: Path) -> None:
    """Give the directory a new epoch if the file `mark` shows that it was restored. Part of the transaction."""
    epoch, number = connection.execute(sql("SELECT epoch, number FROM meta, sequence")).one()
    try:
        known, newest = mark.read_text(encoding="ascii").split()
        restored = known != epoch or int(newest) > number
    except FileNotFoundError:
        restored = number > 0  # a new directory has no mark yet
    except ValueError:
        restored = True
    if restored:
        connection.execute(sql("UPDATE meta SET epoch = :epoch"), {"epoch": str(uuid.uuid4())})


def remember(connection: Connection, mark: Path) -> None:
    """Write the newest number to the file `mark`; called after the commit."""
    epoch, number = connection.execute(sql("SELECT epoch, number FROM meta, sequence")).one()
    # A mark that lags behind only notices less: no reason to tell the caller that a committed write failed.
    with suppress(OSError):
        fresh = mark.with_name(f"{mark.name}-{os.getpid()}")
        fresh.write_text(f"{epoch} {number}\n", encoding="ascii")
        fresh.replace(mark)
