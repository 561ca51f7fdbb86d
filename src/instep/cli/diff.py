"""`instep diff`: what a document says otherwise than what is set, line by line. Nothing is changed.

Exit codes: 0 they say the same, 1 they differ. The token isn't compared.
"""

import typer

from instep.cli.document import File, OfApp, read
from instep.cli.job import err, open_stores, out
from instep.cli.showing import plain

DIFFERS = 1


def diff(file: File, app: OfApp = None) -> None:
    """Show how a document differs from what is set: what is set first, then what the document says."""
    with open_stores() as (_, _, state):
        wanted = read(file, app, state)
    for note in wanted.notes:
        err.print(f"note: {plain(note)}")
    name = wanted.document.name
    if wanted.known is None:
        out.print(f"{name} isn't there yet; `instep apply -f {file}` makes it")
        raise typer.Exit(DIFFERS)
    changes = wanted.changes()
    for change in changes:
        out.print(plain(change))
    if changes:
        raise typer.Exit(DIFFERS)
    out.print(f"{name} is as {file} says.")
