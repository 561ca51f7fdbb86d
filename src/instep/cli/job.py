"""What a command about an app works with: the stores opened, the app found, its rules compiled.

Whatever can't go on ends in one line on standard error, by `stop`. The exit codes are the ones that
docs/reference/exit-codes.md describes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

from instep.settings import Settings, from_environment

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.engine.world import Job
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore

FAILURES, USAGE, UNAVAILABLE, HELD, RUNNING = 1, 2, 3, 4, 5
"""Exit codes: some subjects failed, bad usage, the app is out of reach or refuses us, the guard holds something,
another worker runs the job."""

# What goes into a pipe or a file is cut nowhere; a terminal has its own width.
_WIDTH = None if sys.stdout.isatty() else 10_000

out = Console(highlight=False, markup=False, soft_wrap=True, width=_WIDTH)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class OpenJob:
    """An app's job with the stores that it lives in."""

    settings: Settings
    directory: DirectoryStore
    state: StateStore
    job: Job

    @property
    def name(self) -> str:
        """The app's name, which is the job's."""
        return self.job.name


def stop(message: str, code: int = USAGE) -> NoReturn:
    """End the command with one line on standard error."""
    err.print(f"error: {message}")
    raise typer.Exit(code)


def settings() -> Settings:
    """The settings that the environment gives; ends the command when one can't be read."""
    try:
        return from_environment()
    except ValueError as wrong:
        stop(str(wrong))


@contextmanager
def open_stores() -> Iterator[tuple[Settings, DirectoryStore, StateStore]]:
    """Both stores, made when they're missing; ends the command when they can't be opened."""
    from instep import wiring
    from instep.stores.schema import DatabaseUnavailable
    from instep.stores.secrets import SecretUnreadable

    given = settings()
    try:
        given.data.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        stop(f"{given.data} can't be made: {wrong.strerror}")
    try:
        with wiring.stores(given) as (directory, state):
            yield given, directory, state
    except (DatabaseUnavailable, SecretUnreadable) as wrong:
        stop(str(wrong))


@contextmanager
def open_job(name: str) -> Iterator[OpenJob]:
    """The job of the app with that name; ends the command when there's no such app, or its rules are wrong."""
    from instep import wiring
    from instep.core.rules_document import DocumentError

    given = settings()
    if not (given.data / "state.sqlite").exists():
        stop(f"there are no apps in {given.data}; `instep app add` makes one, INSTEP_DATA names another folder")
    with open_stores() as (_, directory, state):
        app = find_app(state, name)
        try:
            job = wiring.job(app)
        except DocumentError as wrong:
            stop(f"the rules of {name} can't be used: {wrong}")
        yield OpenJob(given, directory, state, job)


def find_app(state: StateStore, name: str) -> App:
    """The app with that name; ends the command when there is none."""
    with state.reading() as reader:
        app = reader.app(name)
        known = [] if app else [a.name for a in reader.apps()]
    if app is None:
        stop(
            f"there's no app {name!r}; " + (f"there are: {', '.join(known)}" if known else "`instep app add` makes one")
        )
    return app


def require_token(opened: OpenJob) -> None:
    """Ends the command when no token is kept for the app."""
    with opened.state.reading() as reader:
        if not reader.token(opened.name):
            stop(f"no token is kept for {opened.name}: `instep app set {opened.name} --token-file FILE`")


def confirmed(question: str, way_out: str) -> bool:
    """Whether a person in the terminal says yes; without a terminal the command ends and names the option to use."""
    if not sys.stdin.isatty():
        stop(f"there's no terminal to ask in; {way_out} says that it's meant")
    return typer.confirm(question, err=True)


def print_json(value: Any) -> None:
    """JSON for scripts, on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
