"""Every `instep` command line that the documentation shows: its command and its options exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from tests.docs.sessions import ROOT, pages

from instep.cli import main

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(instep [^`]+)`")
_LINE = re.compile(r"^(?:\$ |> )?(?:.*[(\s;])?\b(instep [a-z-].*)$", re.MULTILINE)
_ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1", "#"}


def shown(page: str) -> list[str]:
    """The command lines of a page, in fenced blocks and within sentences."""
    blocks = "\n".join(_FENCED.findall(page))
    typed = [line for line in _LINE.findall(blocks) if not line.startswith("instep 0")]
    return [*typed, *_INLINE.findall(_FENCED.sub("", page))]


def words(line: str) -> list[str]:
    """The words of the `instep` command that a line begins with, without `instep`."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    try:
        found = list(lexer)
    except ValueError:  # part of a sentence, with an apostrophe in it
        found = line.split()
    end = next((number for number, word in enumerate(found) if word in _ENDS or word.startswith("#")), len(found))
    return [word.rstrip(")`,.") for word in found[1:end]]


def fault(line: str) -> str | None:
    """What is wrong with a command line, or None."""
    command: Any = typer.main.get_command(main.app)
    context = command.make_context("instep", [], resilient_parsing=True)
    rest = words(line)
    options = {name: each for each in command.params for name in each.opts}
    while hasattr(command, "commands") and rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if word not in {*options, "--help"}:
                return f"there is no option {word}"
            if word in options and not options[word].is_flag and rest:
                rest.pop(0)
            continue
        try:
            _, command, _ = command.resolve_command(context, [word])
        except Exception as wrong:  # noqa: BLE001 - typer's usage errors have no public class
            return f"there is no command {word}: {wrong}"
        if command is None:
            return f"there is no command {word}"
        options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    known = {*options, "--help"}
    unknown = [word for word in rest if word.startswith("-") and word != "-" and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_the_page_exist(page: Path) -> None:
    faults = [f"{line}: {wrong}" for line in shown(page.read_text(encoding="utf-8")) if (wrong := fault(line))]
    assert faults == []


def test_faults_are_found() -> None:
    assert fault("instep sync mixpanel") is None
    assert fault("instep --data /tmp/x directory import users.csv --replace | cat") is None
    assert fault("instep synchronise mixpanel") is not None
    assert fault("instep directory enlist") is not None
    assert fault("instep sync mixpanel --gently") == "there is no option --gently"
    assert fault("instep app add mixpanel --token=-") is None


def test_commands_are_found_in_blocks_and_sentences() -> None:
    page = (
        "See `instep log APP`.\n\n```console\n$ instep plan x  # and why\n```\n\n```sh\nA=$(instep org token A)\n```\n"
    )
    assert [words(line) for line in shown(page)] == [["plan", "x"], ["org", "token", "A"], ["log", "APP"]]
