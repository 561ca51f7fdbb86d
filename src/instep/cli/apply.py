"""`instep apply`: makes an app what a document says, after showing what changes and what that would do to people.

The plan is made with the new rules before they are kept: who would come, change and lose access, and what the guard
would hold. Keeping rules sends nothing to the app; the next cycle does, and the guard judges it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli.app_options import stranger
from instep.cli.document import File, OfApp, Wanted, read
from instep.cli.job import OpenJob, confirmed, err, open_stores, out, stop
from instep.cli.showing import plain

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.stores.state import StateStore


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to be kept."""

    app: "App"
    known: "App | None"
    token: str | None
    """The token, where it isn't the one that is kept."""
    schema: dict[str, Any] | None
    lines: list[str]
    """What changes, in words."""


def apply(
    file: File,
    app: OfApp = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask whether that's meant.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan/--no-plan", help="Whether to show what the next cycle would do with it.")
    ] = True,
) -> None:
    """Make an app what a document says; shows first what changes, and what that would do to people."""
    from instep import wiring

    with open_stores() as (settings, directory, state):
        wanted = read(file, app, state)
        for note in wanted.notes:
            err.print(f"note: {plain(note)}")
        change = _change(wanted, file, state)
        if not change.lines:
            _keep_schema(change, state)
            out.print(f"{change.app.name} is like that already.")
            return
        out.print(f"{change.app.name} would be {'changed' if change.known else 'made'}:")
        for line in change.lines:
            out.print(f"  {plain(line)}")
        if plan:
            out.print()
            _show_plan(OpenJob(settings, directory, state, wiring.job(change.app)), change.token)
            out.print()
        if not yes and not confirmed("Keep this?", "--yes"):
            stop("nothing was changed")
        _keep(change, state)
    _say(change)


def _change(wanted: Wanted, file: Path, state: "StateStore") -> _Change:
    from msgspec.structs import replace

    from instep.cli.token import end_of
    from instep.documents.app_document import to_app
    from instep.documents.app_settings import ending
    from instep.documents.differences import shown

    made, known = to_app(wanted.document), wanted.known
    token = _token(wanted, file)
    with state.reading() as reader:
        kept = reader.token(made.name) if known else None
    if known is None:
        if token is None:
            stop(f"{made.name} isn't there yet, so {file} has to say where its token is: token: {{env: NAME}}")
        rules = wanted.document.rules
        mapped = sum(len(section.mappings) for section in (rules.users, rules.groups) if section.enabled)
        lines = [f"{made.display_name} at {made.tenant_url}, scope {rules.scope}, {shown(mapped)} attributes mapped"]
        ends = end_of(token) if made.credentials.kind == "bearer" else None
        made = replace(made, credentials=ending(made.credentials, made.credentials, ends, False))
        return _Change(made, None, token, wanted.schema, lines)
    if made.template != known.template:
        stop(f"{made.name} was made from the template {known.template} and keeps it; {file} says {made.template}")
    if token is None and (strange := stranger(made, known)):
        why, needed = strange
        stop(f"the token that is kept {why}; {file} has to say where {needed} is: token: {{env: NAME}}")
    same = token is None or token == kept
    ends = end_of(token) if token is not None and made.credentials.kind == "bearer" else None
    made = replace(made, credentials=ending(made.credentials, known.credentials, ends, same))
    lines = wanted.changes()
    if token is not None and token != kept:
        lines.append("token: another one than the one that is kept")
    return _Change(made, known, token if token != kept else None, wanted.schema, lines)


def _token(wanted: Wanted, file: Path) -> str | None:
    from instep.cli.token import read_token

    where = wanted.document.token
    if where is None:
        return None
    return read_token(file.parent / where.file if where.file else None, where.env, None, "")


def _show_plan(opened: OpenJob, token: str | None) -> None:
    from instep.cli.plan import tell

    with opened.state.reading() as reader:
        kept = reader.token(opened.name)
    if not token and not kept:
        stop(f"no token is kept for {opened.name}, so no plan can be made; --no-plan does without")
    tell(opened, token=token)


def _keep(change: _Change, state: "StateStore") -> None:
    name = change.app.name
    with state.writing() as writer:
        if writer.app(name) != change.known:
            stop(f"somebody else has changed {name} meanwhile; nothing was changed. Apply again to see what's left")
        writer.save_app(change.app, change.token)
        if change.schema is not None:
            writer.save_schema(name, change.schema)


def _keep_schema(change: _Change, state: "StateStore") -> None:
    """A schema that says the same may still have other parts that nobody here reads: the last one is put out again."""
    if change.schema is not None:
        with state.writing() as writer:
            writer.save_schema(change.app.name, change.schema)


def _say(change: _Change) -> None:
    name = change.app.name
    out.print(f"{name} is {'changed' if change.known else 'made'}.")
    if any(line.startswith("rules") for line in change.lines) and change.known:
        out.print(
            f"The next cycle looks at everyone again, and the guard judges what it would end: `instep sync {name}`."
        )
    elif not change.known:
        out.print(f"Next: `instep app test {name}`, `instep assign {name} --group GROUP`, `instep plan {name}`.")
