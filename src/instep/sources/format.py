"""A format of tables: how its header is recognised, and what its rows are."""

from collections.abc import Callable, Collection, Iterator

from msgspec import Struct

from instep.core.directory import AnyRow, Fault
from instep.core.subject import Kind
from instep.sources.table import Table


class Format(Struct, frozen=True):
    """One kind of CSV file. Headers are given as the columns' names without case, spaces and brackets."""

    label: str
    """For people: "Entra, Download users"."""
    source: str
    """Under which name the directory keeps what comes from it."""
    kinds: tuple[Kind, ...]
    """What it's a complete list of."""
    fits: Callable[[Collection[str]], bool]
    """Whether a file with this header is of this format."""
    missing: Callable[[Collection[str]], str]
    """Which column a header that fits lacks; empty when none."""
    rows: Callable[[Table, str], Iterator[AnyRow | Fault]]
    """The rows of a table; the text is the group whose members it lists."""
    of_group: bool = False
    """Whether it lists the members of a group that it doesn't name."""
