"""The layout of a letter, as plain text and as HTML: the templates are in the folder `templates`.

All letters share one layout, so that a new kind of notice is words alone (`core/notices.py`). Whatever comes from a
directory or an app is escaped in HTML, and what isn't printable is spelt out in both: a name can't bring a link, a
line of its own, or text that runs backwards.
"""

import textwrap
import unicodedata
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from instep.core.notices import Letter

LONGEST = 600
"""Characters of one value; an app may answer with a page."""
_WIDTH = 76


def lay_out(letter: Letter) -> tuple[str, str]:
    """The letter as plain text and as HTML."""
    return _template("letter.txt.j2").render(letter=letter), _template("letter.html.j2").render(letter=letter)


def plain(value: object) -> str:
    """A value in one line, with control and formatting characters spelt out, cut where it's long."""
    text = "".join(_shown(c) for c in str(value))
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    bad = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return f"\\u{ord(character):04x}" if bad else character


def _wrapped(value: object, indent: int = 0, hang: int | None = None) -> str:
    """A value as a paragraph; `hang`: how far its further lines are indented. Long words aren't cut."""
    return textwrap.fill(
        plain(value),
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if hang is None else hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


@lru_cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("instep.mailing"),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "wrapped": _wrapped}
    return environment.get_template(name)
