"""Files that say what an app is to be: found to be an app document or an Entra schema, read, and compared.

Whatever is wrong in a file is listed at once, each with its line, on standard error. What is done with a file is in
`export`, `diff` and `apply`.
"""

import codecs
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from instep.cli.job import err, stop
from instep.cli.showing import number, plain

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.documents.app_document import AppDocument
    from instep.stores.state import StateStore

File = Annotated[
    Path,
    typer.Option(
        "--file", "-f", metavar="FILE", help="An app document (YAML) or an Entra schema (JSON); `-`: standard input."
    ),
]
OfApp = Annotated[
    str | None, typer.Argument(metavar="[APP]", help="The app; the one that the document names if left out.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file says."""

    document: "AppDocument"
    known: "App | None"
    """The app as it is."""
    schema: dict[str, Any] | None = None
    """The Entra schema, when the file is one."""
    notes: tuple[str, ...] = ()
    """What of it has no place in the rules."""

    def changes(self) -> list[str]:
        """How it differs from what is set, the token aside; nothing where nothing is set."""
        from instep.core.rules_document import DocumentError
        from instep.documents.app_document import from_app, settled
        from instep.documents.differences import differences

        if self.known is None:
            return []
        try:
            before = from_app(self.known)
        except DocumentError as wrong:
            return [f"rules: all of them, since those that are kept can't be used ({wrong})"]
        return list(differences(before, settled(self.document, self.known)))


def read(file: Path, name: str | None, state: "StateStore") -> Wanted:
    """What the file says of the app; ends the command when it can't be used.

    name: the app's. A schema needs it; the document has it, and must have the same.
    """
    text = contents(file)
    if text.lstrip().startswith("{") and '"synchronizationRules"' in text:
        return _schema(file, text, name, state)
    document = app_document(file, text)
    if name is not None and name != document.name:
        stop(f"{file} is about the app {document.name}, not {name}")
    with state.reading() as reader:
        return Wanted(document, reader.app(document.name))


def contents(file: Path) -> str:
    """The text of a file, or of standard input for `-`; ends the command when it can't be read."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        # PowerShell writes UTF-16 unless told otherwise.
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig")
    except OSError as wrong:
        stop(f"{file} can't be read: {wrong.strerror}")
    except UnicodeDecodeError as wrong:
        stop(f"{file} can't be read: byte {wrong.start + 1} is no {wrong.encoding.removesuffix('-sig').upper()}")


def app_document(file: Path, text: str) -> "AppDocument":
    """The app document that a text is; ends the command when it isn't right. file: what errors call it."""
    from instep.documents.app_document import FaultyDocument, load
    from instep.targets.address import tenant_url, token_url

    try:
        checks = {"template": _check_template, "tenant_url": tenant_url, "credentials.token_url": token_url}
        return load(text, checks)
    except FaultyDocument as wrong:
        refuse(file, [f"{file}:{each.line}: {each.fault}" for each in wrong.faults])


def _check_template(name: str) -> None:
    from instep.targets.gallery import template

    found = template(name)
    if not found.provisionable:
        raise ValueError(f"{found.display_name} isn't provisionable yet: {found.because}")


def _schema(file: Path, text: str, name: str | None, state: "StateStore") -> Wanted:
    import msgspec

    from instep.core.rules_document import DocumentError
    from instep.documents.app_document import from_app
    from instep.documents.graph_reading import FaultySchema
    from instep.documents.graph_reading import read as read_schema

    if name is None:
        stop(f"{file} is an Entra schema, which doesn't say what the app is called here; give its name as well")
    with state.reading() as reader:
        known = reader.app(name)
    if known is None:
        stop(f"there's no app {name!r}; an Entra schema has no URL and no token, so `instep app add` comes first")
    try:
        before = from_app(known)
        schema: dict[str, Any] = msgspec.json.decode(text)
        imported = read_schema(schema, before.rules)
    except DocumentError as wrong:
        stop(f"the rules of {name} can't be used, so the schema can't be laid over them: {wrong}")
    except (msgspec.DecodeError, RecursionError) as wrong:
        stop(f"{file} isn't JSON: {wrong}")
    except FaultySchema as wrong:
        refuse(file, [f"{file}: {fault}" for fault in wrong.faults])
    return Wanted(msgspec.structs.replace(before, rules=imported.rules), known, schema, imported.notes)


def refuse(file: Path, faults: Sequence[str]) -> NoReturn:
    """Ends the command with all that is wrong in a file, each in a line."""
    for fault in faults:
        err.print(plain(fault))
    stop(f"{file} can't be used: {number(len(faults), 'fault')}")
