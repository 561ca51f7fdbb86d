"""The gallery: what is known of each app, one YAML file each.

A vendor's differences are data in its file, never code, so adding an app is adding a file. The format is described
in docs/reference/gallery-format.md, `file` reads it, and docs/reference/gallery.md is made by `reference`.
"""

from difflib import get_close_matches
from functools import lru_cache
from importlib import resources

from instep.core.rules_document import DocumentError, RulesDocument, rules_document
from instep.targets.gallery.file import read
from instep.targets.gallery.templates import AUTH, PROTOCOLS, GalleryError, Limit, Template, placeholders

__all__ = [
    "GalleryError",
    "RulesDocument",
    "DocumentError",
    "Template",
    "Limit",
    "AUTH",
    "PROTOCOLS",
    "names",
    "placeholders",
    "read",
    "rules_document",
    "template",
]


def names() -> list[str]:
    """The names of all templates, in alphabetical order."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


@lru_cache(maxsize=64)
def template(name: str) -> Template:
    """One app's template. Raises GalleryError when there is none, or its file isn't right."""
    known = names()
    if name not in known:
        near = get_close_matches(name.lower(), known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise GalleryError(f"the gallery has no app {name!r}; {meant}it has: {', '.join(known)}")
    file = resources.files(__name__).joinpath(f"{name}.yaml")
    made = read(file.read_text(encoding="utf-8"), file.name)
    if made.name != name:
        raise GalleryError(f"{file.name}: name: {made.name!r} must be {name!r}, as the file is called")
    return made
