"""`instep export`: an app as a document: YAML that people keep in git, or Microsoft Graph's synchronization schema.

The token is never in it. What of the rules a schema can't say is told on standard error.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from instep.cli.job import OpenJob, err, open_job, stop
from instep.cli.showing import plain


def export(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    as_: Annotated[
        Literal["yaml", "graph"],
        typer.Option("--format", help="`yaml`: the app document; `graph`: the schema that Entra's portal exports."),
    ] = "yaml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to standard output.")
    ] = None,
) -> None:
    """Write an app and its rules as a document that can be kept, compared and applied."""
    with open_job(app) as opened:
        text = _yaml(opened) if as_ == "yaml" else _graph(opened)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as wrong:
        stop(f"{output} can't be written: {wrong.strerror}")


def _yaml(opened: OpenJob) -> str:
    from instep.documents.app_document import dump, from_app

    variable = "".join(c if c.isalnum() else "_" for c in opened.name.upper())
    return (
        f"# {opened.name}, as `instep export` writes it. `instep diff` and `instep apply` take it with -f FILE.\n"
        "# The token isn't exported. To make the app anew from this, say where it is read:\n"
        f"# token: {{env: {variable}_TOKEN}}\n"
    ) + dump(from_app(opened.job.app))


def _graph(opened: OpenJob) -> str:
    from instep.core.rules_document import rules_document
    from instep.documents.graph_writing import write

    with opened.state.reading() as reader:
        original = reader.schema(opened.name)
    exported = write(rules_document(opened.job.app.rules), opened.name, original)
    if exported.notes:
        err.print("note: the schema can't say all of the rules; an import into a new app would make of them:")
        for note in exported.notes:
            err.print(f"  {plain(note)}")
    return json.dumps(exported.schema, ensure_ascii=False, indent=2) + "\n"
