"""`instep hostile-source`: a directory's export as broken ones are, to test whatever reads it.

It writes one file and ends. Exit codes: 0 done, 1 a file couldn't be read or written, 2 bad usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

_out = Console(highlight=False, markup=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def _listed(wanted: bool) -> None:
    if not wanted:
        return
    from instep.hostile.spoiling import SPOILT, told

    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for name, spoil in SPOILT.items():
        table.add_row(name, told(spoil)[0])
    _out.print(table)
    raise typer.Exit


def hostile_source(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    persona: Annotated[
        str | None, typer.Option("--persona", metavar="NAME", help="How it is broken; without, it is good. See --list.")
    ] = None,
    good: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A good export to spoil, instead of a made-up one.")
    ] = None,
    users: Annotated[int, typer.Option(min=2, help="How many people the made-up company has.")] = 100,
    form: Annotated[
        Literal["csv", "jsonl"], typer.Option("--format", help="Entra's CSV, or JSON Lines as Graph names things.")
    ] = "csv",
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 0,
    _: Annotated[bool, typer.Option("--list", callback=_listed, is_eager=True, help="List the personas.")] = False,
) -> None:
    """Write a directory's export that is truncated, empty, of the wrong tenant, or broken in another way."""
    from instep.hostile import exports
    from instep.hostile.spoiling import SPOILT, spoilt

    if persona is not None and persona not in SPOILT:
        raise typer.BadParameter(f"there is no persona {persona!r}; known: {', '.join(SPOILT)}", param_hint="--persona")
    try:
        export = exports.read(good.read_bytes()) if good else exports.made_up(users, seed, form == "jsonl")
        output.write_bytes(spoilt(persona, export, seed) if persona else export.written())
    except exports.ExportError as wrong:
        _fail(f"{good}: {wrong}")
    except OSError as wrong:
        _fail(str(wrong))


def _fail(why: str) -> NoReturn:
    _err.print(f"instep hostile-source: {why}")
    raise typer.Exit(1)
