"""`instep`: the command line's root. It knows the commands' names and what they're about, and nothing else.

A command's module is imported when the command is used, so that `instep --help` and tab completion stay quick.
A module holds a typer app, or a function with the command's name.
"""

import os
from importlib import import_module, metadata
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
import typer.core
import typer.main


class Command(NamedTuple):
    """A command, before anything of it is imported."""

    target: str
    """Module and attribute."""
    panel: str
    """Where the help page lists it."""
    help: str
    example: str = ""
    """For functions; typer apps have an example for each of their commands."""


COMMANDS = {
    "directory": Command("directory:app", "People", "The people: import, list, change, delete, restore, export."),
    "group": Command("group:app", "People", "The groups and their members."),
    "app": Command("app:app", "Apps", "The apps that get provisioned: add, test, show, remove."),
    "gallery": Command("gallery:app", "Apps", "The apps that Instep knows, and what they want."),
    "assign": Command(
        "assignment:assign",
        "Apps",
        "Give an app to a user or a group.",
        "instep assign mixpanel --group Sales --role User",
    ),
    "unassign": Command(
        "assignment:unassign",
        "Apps",
        "Take an app away from a user or a group.",
        "instep unassign mixpanel --user anna@contoso.example",
    ),
    "assignments": Command(
        "assignment:assignments", "Apps", "Who has an app, and with which role.", "instep assignments mixpanel --json"
    ),
    "export": Command(
        "export:export",
        "Rules as documents",
        "Write an app and its rules as a document.",
        "instep export mixpanel -o mixpanel.yaml",
    ),
    "diff": Command(
        "diff:diff", "Rules as documents", "How a document differs from what is set.", "instep diff -f mixpanel.yaml"
    ),
    "apply": Command(
        "apply:apply",
        "Rules as documents",
        "Make an app what a document says; shows what that does to people.",
        "instep apply -f mixpanel.yaml",
    ),
    "rules": Command("rules:app", "Rules as documents", "Try expressions on people, and test rules as code."),
    "plan": Command(
        "plan:plan", "Provisioning", "What the next cycle would do and why. Writes nothing.", "instep plan mixpanel"
    ),
    "explain": Command(
        "explain:explain",
        "Provisioning",
        "Why somebody is in an app or isn't. Writes nothing.",
        "instep explain mixpanel anna@contoso.example",
    ),
    "sync": Command("sync:sync", "Provisioning", "Bring an app in step with the directory.", "instep sync mixpanel"),
    "provision": Command(
        "provision:provision",
        "Provisioning",
        "Provision one person, or a group with its members, right now.",
        "instep provision mixpanel anna@contoso.example --preview",
    ),
    "log": Command("log:app", "Provisioning", "What was done, and why; and whether the log is intact."),
    "report": Command(
        "report:report",
        "Provisioning",
        "Who came, changed and left, and how long leavers kept access.",
        "instep report mixpanel --since 7d",
    ),
    "status": Command("status:status", "Provisioning", "How an app's provisioning is doing.", "instep status mixpanel"),
    "audit": Command(
        "audit:audit", "Provisioning", "What others changed in an app. Sends no change.", "instep audit mixpanel"
    ),
    "drift": Command("audit:drift", "Provisioning", "What the last audit found.", "instep drift mixpanel"),
    "unmanaged": Command(
        "audit:unmanaged",
        "Provisioning",
        "Accounts in an app that nobody manages.",
        "instep unmanaged mixpanel --csv > accounts.csv",
    ),
    "approve": Command(
        "approve:approve", "Provisioning", "Let go ahead what the guard holds.", "instep approve mixpanel"
    ),
    "reject": Command("approve:reject", "Provisioning", "Drop what the guard holds.", "instep reject mixpanel"),
    "serve": Command(
        "serve:serve",
        "Service",
        "Run the jobs of all started apps, by themselves, until it's stopped.",
        "instep serve --listen 127.0.0.1:9464",
    ),
    "start": Command("schedule:start", "Service", "Start an app's job: the service runs it.", "instep start mixpanel"),
    "pause": Command(
        "schedule:pause", "Service", "Pause an app's job at once, between two requests.", "instep pause mixpanel"
    ),
    "restart": Command(
        "schedule:restart",
        "Service",
        "Start an app's job over: look at everyone again.",
        "instep restart mixpanel --reset Watermark --reset Escrows",
    ),
    "notices": Command("notices:app", "Provisioning", "The mails about apps: list, show, send, test."),
    "hostile-app": Command(
        "hostile_app:hostile_app",
        "Test app",
        "Run an app that misbehaves, to test a SCIM client.",
        "instep hostile-app --persona ignores-filters --persona executes-and-hangs-up --share 0.2",
    ),
    "hostile-source": Command(
        "hostile_source:hostile_source",
        "Test app",
        "Write a directory's export as broken ones are.",
        "instep hostile-source --persona truncated -o users.csv",
    ),
    "check": Command(
        "check:check",
        "Apps",
        "Check any SCIM endpoint as provisioning would use it, and grade it.",
        "instep check https://app.example.com/scim/v2 --token-env SCIM_TOKEN",
    ),
    "org": Command("org:app", "Test app", "Run a test app: organisations that are provisioned over SCIM."),
}


class _Commands(typer.core.TyperGroup):
    """The commands, each standing in for itself until it's used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in COMMANDS.items():
            self.add_command(typer.core.TyperCommand(name, help=command.help, rich_help_panel=command.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, known, rest = super().resolve_command(ctx, args)
        return name, _load(COMMANDS[name]) if name in COMMANDS else known, rest


def _load(command: Command) -> Any:
    module, _, attribute = command.target.partition(":")
    found = getattr(import_module(f"instep.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(epilog=f"Example: {command.example}")(found)
        found = alone
    return typer.main.get_command(found)


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"instep {metadata.version('instep')}")
        raise typer.Exit


@app.callback(epilog="Example: instep directory import users.csv && instep plan mixpanel")
def root(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The folder with Instep's data. [env var: INSTEP_DATA]"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Keep the apps of an organisation in step with its directory."""
    if data is not None:
        os.environ["INSTEP_DATA"] = str(data)  # the settings come from the environment, whoever reads them


def main() -> None:
    """The program."""
    app()
