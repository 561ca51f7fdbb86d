"""`instep hostile-app`: an app on this machine that misbehaves as real ones do, to test one's own SCIM client.

It is a server of its own, with nothing in it but what the client writes, and nothing left of it when it ends. Exit
codes: 0 done, 1 it couldn't listen or write, 2 bad usage.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

_out = Console(highlight=False, markup=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def _listed(wanted: bool) -> None:
    if not wanted:
        return
    from instep.hostile.personas import PERSONAS

    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for name, persona in PERSONAS.items():
        settings = ", ".join(f"{each.name}={each.default:g}" for each in persona.numbers)
        table.add_row(name, persona.told()[0] + (f" [{settings}]" if settings else ""))
    _out.print(table)
    raise typer.Exit


def hostile_app(
    persona: Annotated[
        list[str] | None,
        typer.Option("--persona", metavar="NAME", help="How to misbehave; may be given several times. See --list."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8490,
    token: Annotated[str, typer.Option(help="The bearer token that is taken.")] = "hostile",
    seed: Annotated[int, typer.Option(help="Of the dice: the same requests in the same order meet the same.")] = 0,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="How often, for personas that do it to a share of the requests.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="A number of a persona, as in --set lag=5. See --list."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Written with the base URL once requests are answered.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Append every request and answer, as JSON Lines.")
    ] = None,
    _: Annotated[
        bool, typer.Option("--list", callback=_listed, is_eager=True, help="List the personas and their numbers.")
    ] = False,
) -> None:
    """Serve a SCIM app that misbehaves, on loopback, until SIGTERM or Ctrl-C. The first line is the base URL.

    What it really holds is at /truth, beside the SCIM endpoint. Without a persona it behaves well.
    """
    from instep.hostile import server
    from instep.hostile.personas import SettingsError

    with ExitStack() as open_files:
        try:
            written = open_files.enter_context(journal.open("a", encoding="utf-8")) if journal else None
            app = server.HostileApp(
                persona or (), seed=seed, token=token, share=share, numbers=_numbers(setting or ()), journal=written
            )
        except SettingsError as wrong:
            raise typer.BadParameter(str(wrong)) from None
        except OSError as wrong:
            _fail(f"{journal}: {wrong.strerror or wrong}")

        def ready(url: str) -> None:
            if ready_file is not None:
                server.announce(url, ready_file)
            _out.print(url)
            _out.file.flush()

        try:
            asyncio.run(server.serve(app, port, ready))
        except OSError as wrong:
            _fail(f"can't listen on port {port}, or write: {wrong.strerror or wrong}")


def _numbers(given: list[str] | tuple[str, ...]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise typer.BadParameter(f"{text!r} isn't NAME=NUMBER", param_hint="--set")
    return numbers


def _fail(why: str) -> NoReturn:
    _err.print(f"instep hostile-app: {why}")
    raise typer.Exit(1)
