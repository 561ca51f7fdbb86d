"""What the documentation points to is there: pages, headings, files of the repository."""

import re
from pathlib import Path

import pytest
from tests.docs.sessions import ROOT, pages

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FILE = re.compile(r"`((?:src|tests|docs|script|demo|bench)/[\w./-]+)`")


def anchor(heading: str) -> str:
    """A heading as the forges make it an anchor."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """What can be pointed to within a page."""
    return {anchor(heading) for heading in _HEADING.findall(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_everything_that_is_pointed_to_is_there(page: Path) -> None:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    missing: list[str] = []
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        name, _, place = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (
            place and place not in map(anchor, _HEADING.findall(target.read_text(encoding="utf-8")))
        ):
            missing.append(link)
    missing += [name for name in _FILE.findall(text) if not (ROOT / name).exists()]
    assert missing == []


def test_every_page_of_the_documentation_is_on_its_map() -> None:
    pointed_to = {(ROOT / "docs" / link).resolve() for link in _LINK.findall((ROOT / "docs/README.md").read_text())}
    assert {page for page in pages() if page.is_relative_to(ROOT / "docs")} - pointed_to == {ROOT / "docs/README.md"}
