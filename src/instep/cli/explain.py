"""`instep explain`: why somebody is in an app or isn't, what each mapping gives, what would be sent.

The app is only read, and not even that with --offline; nothing is written anywhere. Exit codes: 0 explained, 2 nobody
is called that, 3 the app is out of reach or refuses us. How it looks is in `explanations`.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli import showing
from instep.cli.job import UNAVAILABLE, OpenJob, open_job, print_json, require_token, stop

if TYPE_CHECKING:
    from instep.core.subject import Kind
    from instep.engine.explain import Explanation
    from instep.stores.directory.browser import Browser


def explain(
    app: Annotated[str, typer.Argument(metavar="APP", help="The app, as `instep app list` shows it.")],
    who: Annotated[str, typer.Argument(metavar="PERSON_OR_GROUP", help="userPrincipalName, name or id.")],
    offline: Annotated[bool, typer.Option("--offline", help="Don't ask the app what it holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, always complete.")] = False,
) -> None:
    """Show why somebody is in an app or isn't, and what would be sent now. Writes nothing."""
    from instep.cli.decisions import Names
    from instep.cli.explanations import Told, explanation_json
    from instep.ports import AppUnavailable

    with open_job(app) as opened:
        if not offline:
            require_token(opened)
        with opened.directory.browse() as browser:
            kind, id = subject_called(opened, browser, who)
        try:
            explained = asyncio.run(_explain(opened, kind, id, not offline))
        except AppUnavailable as refused:
            stop(f"{showing.plain(str(refused))}; --offline explains without asking it", UNAVAILABLE)
        with opened.directory.browse() as browser:
            if as_json:
                print_json(explanation_json(app, explained, Names(browser)))
            else:
                Told(app, explained, Names(browser)).show()


def subject_called(opened: OpenJob, browser: "Browser", who: str) -> "tuple[Kind, str]":
    """Kind and id of whom `who` means: in the directory, or purged there and still in the app's log."""
    from instep.core.subject import Kind

    found = [entry for kind in Kind for entry in browser.named(kind, who)]
    if len(found) > 1:
        choices = ", ".join(f"{entry.kind.lower()} {entry.name} ({entry.id})" for entry in found[:5])
        stop(showing.plain(f"{who!r} is more than one: {choices}; give the id"))
    if found:
        return found[0].kind, found[0].id
    with opened.state.reading() as reader:
        for entry in reader.log(opened.name, person=who, newest_first=True):
            if who.casefold() in (entry.name.casefold(), entry.subject_id.casefold()):
                return entry.kind, entry.subject_id
    similar = [entry.name for kind in Kind for entry in browser.entries(kind, who, limit=3)] if who else []
    hint = f"; similar: {', '.join(similar)}" if similar else ""
    return stop(showing.plain(f"there's no user or group {who!r} in the directory{hint}"))


async def _explain(opened: OpenJob, kind: "Kind", id: str, ask: bool) -> "Explanation":
    from instep import wiring
    from instep.engine.explain import explain as explain_subject

    async with (
        wiring.world(opened.settings, opened.directory, opened.state) as world,
        wiring.target(opened.settings, opened.state, opened.job.app) as target,
    ):
        return await explain_subject(world, opened.job, target, kind, id, ask=ask)
