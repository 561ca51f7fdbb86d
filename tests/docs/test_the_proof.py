"""The page that says why to trust Instep: each test that it names exists, and no kind of failure is left out."""

import ast
import re
from functools import cache

from tests.docs.sessions import ROOT

PAGE = (ROOT / "docs/explanation/the-proof.md").read_text(encoding="utf-8")
KINDS = [f"F{number}" for number in range(1, 26)]
_NAMED = re.compile(r"\btests/[\w./-]*::\w*")
_ROW = re.compile(r"^\| (F\d+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests in a file, also within classes; none where there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = (node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))


def not_there(text: str) -> list[str]:
    """The tests that a text names and that don't exist."""
    named = (name.partition("::") for name in _NAMED.findall(text))
    return [f"{file}::{test}" for file, _, test in named if test not in names_in(file)]


def test_every_test_that_is_named_exists() -> None:
    assert not_there(PAGE) == []


def test_every_kind_of_failure_says_what_happens_and_which_tests_show_it() -> None:
    rows = _ROW.findall(PAGE)
    assert [number for number, *_ in rows] == KINDS
    for number, wrong, done, shown in rows:
        assert wrong.strip(), number
        assert done.strip(), number
        assert _NAMED.search(shown), number


def test_names_that_are_wrong_are_found() -> None:
    here = "tests/docs/test_the_proof.py::"
    text = f"`{here}test_names_that_are_wrong_are_found`, `{here}test_gone`, `{here}not_there`, `tests/gone.py::test_x`"
    assert not_there(text) == [f"{here}test_gone", f"{here}not_there", "tests/gone.py::test_x"]
