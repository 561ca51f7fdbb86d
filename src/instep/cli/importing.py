"""An import as people see it: a bar while it runs, what came of it, or what is wrong with the files.

The bar and everything said about an import go to standard error; the counts to standard output.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import typer
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from instep.cli.job import FAILURES, err, out, print_json, stop
from instep.cli.showing import plain
from instep.core.directory import Counts
from instep.directory.editing import purge_expired
from instep.directory.importing import ImportRefused, Progress, RemovalsRefused, import_files
from instep.sources import Source, Unrecognised, recognise

if TYPE_CHECKING:
    from instep.core.directory import Fault
    from instep.stores.directory import DirectoryStore

_PHASES = {"reading": "reading", "checking": "checking", "merging": "taking over"}


def recognised(files: Sequence[Path], encoding: str | None, group: str | None) -> list[Source]:
    """The files as sources; ends the command, with all that's wrong, when one can't be read."""
    sources: list[Source] = []
    faults: list[Fault] = []
    for file in files:
        try:
            sources.append(recognise(file, encoding, group))
        except Unrecognised as wrong:
            faults.append(wrong.fault)
    if faults:
        _refuse(faults)
    for source in sources:
        err.print(f"{plain(source.file)}: {source.label}", style="dim")
    return sources


def run(
    store: DirectoryStore,
    sources: Sequence[Any],
    replace: bool = False,
    allow_removals: int | None = None,
    source_name: str | None = None,
    as_json: bool = False,
) -> None:
    """Import the sources and say what came of it; what is deleted for 30 days is purged as well."""
    now = datetime.now(UTC)
    try:
        with _bar(sum(source.size for source in sources)) as progress:
            counts = import_files(
                store,
                sources,
                now=now,
                new_id=lambda: str(uuid.uuid4()),
                replace=replace,
                allow_removals=allow_removals,
                source_name=source_name,
                progress=progress,
            )
    except ImportRefused as refused:
        _refuse(refused.faults, refused.more)
    except RemovalsRefused as refused:
        stop(f"nothing was imported: {refused}. If that's meant: --allow-removals {refused.count}", FAILURES)
    purged = purge_expired(store, now)
    if as_json:
        print_json({what: msgspec.structs.asdict(count) for what, count in counts.items()})
        return
    _tell(counts)
    if purged:
        err.print(f"{purged:,} people and groups, deleted 30 days ago or earlier, are purged")


def _refuse(faults: Sequence[Fault], more: bool = False) -> NoReturn:
    err.print("error: nothing was imported")
    for fault in faults:
        err.print(f"  {plain(str(fault))}")
    if more:
        err.print(f"  and more; these are the first {len(faults)}")
    raise typer.Exit(FAILURES)


def _tell(counts: Mapping[str, Counts]) -> None:
    shown = {what: count for what, count in counts.items() if any(msgspec.structs.astuple(count))}
    if not shown:
        out.print("There was nothing to import.")
        return
    names = [n for n in Counts.__struct_fields__ if any(getattr(count, n) for count in shown.values())]
    table = Table("", *(n.upper() for n in names), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for what, count in shown.items():
        table.add_row(what, *(f"{getattr(count, n):,}" for n in names))
    out.print(table)


@contextmanager
def _bar(size: int) -> Iterator[Callable[[Progress], None]]:
    """What to call while an import goes on; it's shown in a terminal, and only there."""
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task("reading", total=size, rows=0)
        before, latest = 0, ("", 0)  # bytes of the files that are done, and where the current one is

        def show(progress: Progress) -> None:
            nonlocal before, latest
            if progress.phase != "reading":
                bar.update(task, description=_PHASES[progress.phase], total=None)
                return
            if progress.file != latest[0]:
                before += latest[1]
            latest = (progress.file, progress.position)
            bar.update(task, completed=before + progress.position, rows=progress.rows)

        yield show
