"""The reference page of the checks, made from their registry.

`python -m instep.checking.reference > docs/reference/checks.md` writes it anew; a test holds the page that is kept in
the repository equal to what this makes.
"""

import sys
from itertools import groupby
from typing import Final

from instep.checking.catalogue import TITLES, checks
from instep.checking.grade import HOW

_INTRODUCTION: Final = """\
# The checks of an endpoint

What `instep check` looks at; [how to use it](../how-to/check-an-endpoint.md) is another page, and `instep check --list`
gives the ids in a terminal. This page is made from the checks themselves.

**must**: provisioning can't work without it, or does harm. **should**: it works less well, or not for every client.
**nice**: it's untidy, and somebody may stumble over it. A check passes, fails, warns (it can be lived with, or another
reading of the RFC allows it), or doesn't apply: it isn't offered, or something before it failed already.

"""


def page() -> str:
    """The page, in Markdown."""
    parts = [_INTRODUCTION + f"The grade: {HOW}\n"]
    for group, some in groupby(checks(), key=lambda each: each.group):
        parts.append(f"## {TITLES[group]}\n")
        for each in some:
            parts.append(f"### {each.id}\n")
            reads = "" if each.writes else " Reads only."
            parts.append(f"**{each.title}** ({each.severity}). {each.proves}{reads}\n")
            parts.append(f"- asked for by: {each.source}\n- what to do: {each.way_out}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
