"""`instep rules eval` and `instep rules test`: expressions tried on people, and rules tested as code.

Nothing is asked of an app and nothing is written. Exit codes: 0 worked out, or all tests passed; 1 there is no value to
be had, or a test failed; 2 bad usage: a faulty expression or file, nobody of that name. How rules look in words is in
`rules_in_words`.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from instep.cli.job import FAILURES, USAGE, err, open_job, out, print_json, settings, stop
from instep.cli.people import Json, open_directory
from instep.cli.showing import plain

if TYPE_CHECKING:
    from instep.core.subject import Subject
    from instep.documents.expectations import Check
    from instep.documents.rules_tests import Prepared
    from instep.engine.world import Job
    from instep.expressions import Expression, ExpressionError
    from instep.ports import View
    from instep.stores.directory import DirectoryStore
    from instep.stores.directory.browser import Browser

app = typer.Typer(
    name="rules",
    no_args_is_help=True,
    add_completion=False,
    help="Try expressions on people, and test rules as code.",
)

_SHOWN = 100
"""Characters of a faulty expression that are shown around the fault."""


@app.command(
    "eval", epilog="""Example: instep rules eval 'Join(" ", [givenName], [surname])' --user anna@contoso.example"""
)
def evaluate(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="An expression of the mapping language.")],
    user: Annotated[str, typer.Option("--user", help="userPrincipalName, id or displayName.")],
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="APP", help="The app whose roles `[appRoleAssignments]` are.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Work out an expression for somebody, as a mapping would: its value, its type, and what to know about it."""
    from instep.core.desire import inputs
    from instep.expressions import EvaluationError, ExpressionError, parse

    try:
        parsed = parse(expression)
    except ExpressionError as wrong:
        _refuse_expression(expression, wrong)
    if "appRoleAssignments" in parsed.attributes and app_name is None:
        stop("[appRoleAssignments] are the roles in one app: name it by --app")
    with ExitStack() as opened:
        job, directory = _job(opened, app_name)
        subject = _People(opened, job.view if job else None, directory).find(user)
        given = inputs(subject, job.rules.roles if job else (), datetime.now(UTC), "", job and job.default_domain)
    try:
        value = parsed.evaluate(given)
    except EvaluationError as wrong:
        stop(plain(str(wrong)), FAILURES)
    reads = {name: given.attributes.get(name) for name in sorted(parsed.attributes)}
    _tell(parsed, value, reads, as_json)


def _tell(parsed: "Expression", value: Any, reads: dict[str, Any], as_json: bool) -> None:
    from instep.documents.expectations import plain as as_data
    from instep.expressions.errors import REDACTED

    kind, shown = _type(value), as_data(value)
    if parsed.redacted:
        shown, reads = REDACTED, dict.fromkeys(reads, REDACTED)
    if as_json:
        told = {"expression": parsed.text, "value": shown, "type": kind, "reads": reads, "warnings": parsed.warnings}
        print_json(told)
        return
    out.print(plain(shown if isinstance(shown, str) else _text(shown)))
    said = "; ".join(f"{name} is {_text(read)}" for name, read in reads.items())
    out.print(plain(f"{kind}{'; ' + said if said else ''}"), style="dim")
    for warning in parsed.warnings:
        err.print(plain(f"warning: {warning}"), style="yellow")


def _type(value: Any) -> str:
    """What a result is, in the words of the language."""
    from instep.expressions import DROP, Candidates, Redacted

    if isinstance(value, Redacted):
        return "redacted"
    if value is DROP:
        return "left out"
    if isinstance(value, Candidates):
        return "candidates"
    if isinstance(value, tuple):
        return "list of texts" if all(isinstance(each, str) for each in value) else "list of roles"
    return {bool: "true or false", int: "whole number", str: "text"}.get(type(value), "nothing")


def _text(value: Any) -> str:
    """A value in one line, so that a text can be told from a number."""
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _refuse_expression(text: str, wrong: "ExpressionError") -> NoReturn:
    """Ends the command; under the expression stands a caret where the fault is."""
    from rich.cells import cell_len

    err.print(plain(f"error: {wrong}"))
    if wrong.column is not None:
        at = min(wrong.column - 1, len(text))
        begins = max(text.rfind("\n", 0, at) + 1, at - _SHOWN)
        line = text[begins : at + _SHOWN].split("\n")[0]
        err.print(f"  {plain(line)}")
        err.print(f"  {' ' * cell_len(plain(text[begins:at]))}^")
    raise typer.Exit(USAGE)


# ---------------------------------------------------------------------------------------- rules as code


@app.command("test", epilog="Example: instep rules test mixpanel-tests.yaml")
def run_tests(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Tests of rules (YAML); `-`: standard input.")],
    as_json: Json = False,
) -> None:
    """Test rules as code: what they make of people, against what a file expects."""
    from instep.cli.document import contents, refuse
    from instep.documents.app_document import FaultyDocument
    from instep.documents.expectations import run
    from instep.documents.rules_tests import load, moment, prepare

    with ExitStack() as opened:
        try:
            tests = load(contents(file))
            document = tests.document.document
            if document is not None:
                job, directory = _proposed(file.parent / document), None
            else:
                job, directory = _job(opened, tests.document.app)
            people = _People(opened, job.view if job else None, directory)
            rules = job.rules if job else None
            prepared = prepare(tests, rules, people.find_or_fault)
        except FaultyDocument as wrong:
            refuse(file, [f"{file}:{each.line}: {each.fault}" for each in wrong.faults])
        now = moment(tests, datetime.now(UTC))
        results = [(each, run(each, rules, now, people.name, job and job.default_domain)) for each in prepared]
    failed = sum(not all(check.passed for check in checks) for _, checks in results)
    if as_json:
        told = {"passed": len(results) - failed, "failed": failed, "tests": [_result(*each) for each in results]}
        print_json(told)
    else:
        for result in results:
            _show(*result)
        out.print(f"{len(results) - failed:,} passed, {failed:,} failed")
    if failed:
        raise typer.Exit(FAILURES)


def _result(given: "Prepared", checks: "list[Check]") -> dict[str, Any]:
    return {
        "name": given.name,
        "line": given.line,
        "passed": all(check.passed for check in checks),
        "checks": [{"what": c.what, "expected": c.expected, "got": c.got, "passed": c.passed} for c in checks],
    }


def _show(given: "Prepared", checks: "list[Check]") -> None:
    passed = all(check.passed for check in checks)
    out.print("ok  " if passed else "fail", style="green" if passed else "red", end="  ")
    out.print(plain(given.name if passed else f"{given.name} (line {given.line})"))
    for check in checks:
        if not check.passed:
            out.print(plain(f"        {check.what}: expected {_text(check.expected)}, got {_text(check.got)}"))


# ------------------------------------------------------------------------------------ rules and people


def _job(opened: ExitStack, name: str | None) -> "tuple[Job | None, DirectoryStore | None]":
    """The app's job as it's kept, with the directory; neither without a name."""
    if name is None:
        return None, None
    job = opened.enter_context(open_job(name))
    return job.job, job.directory


def _proposed(file: Path) -> "Job":
    """The job of an app document, which needn't be applied."""
    from instep import wiring
    from instep.cli.document import app_document, contents
    from instep.documents.app_document import to_app

    return wiring.job(to_app(app_document(file, contents(file))))


class _People:
    """The people of the directory, which is opened when the first is asked for."""

    def __init__(self, opened: ExitStack, view: "View | None", directory: "DirectoryStore | None") -> None:
        from instep.ports import View

        self._opened = opened
        self._view = view or View("", "assigned", (), "descendants", "flattened")
        self._directory = directory
        self._browser: Browser | None = None
        self.name: Callable[[str], str] = str
        """What people call the user with that id; the id itself while the directory isn't open."""

    def find(self, who: str) -> "Subject":
        """The user whom a name means; ends the command when there's none, or several."""
        try:
            return self.find_or_fault(who)
        except ValueError as wrong:
            stop(plain(str(wrong)))

    def find_or_fault(self, who: str) -> "Subject":
        """The same; raises ValueError."""
        from instep.core.subject import Kind
        from instep.directory.lookup import Impossible, find

        directory, browser = self._look()
        try:
            id = find(browser, Kind.USER, who).id
        except Impossible as wrong:
            raise ValueError(str(wrong)) from None
        with directory.reader() as reader:
            return reader.subjects(self._view, Kind.USER, [id])[0]

    def _look(self) -> "tuple[DirectoryStore, Browser]":
        from instep.cli.decisions import Names

        if self._directory is None:
            data = settings().data
            if not (data / "directory.sqlite").exists():
                raise ValueError(f"there's no directory in {data} to look for people in")
            self._directory = self._opened.enter_context(open_directory())
        if self._browser is None:
            self._browser = self._opened.enter_context(self._directory.browse())
            self.name = Names(self._browser).of
        return self._directory, self._browser
