"""The directory, as the engine needs it. `instep.stores.directory` implements it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from instep.core.subject import AppRole, Kind, Subject


class View(Struct, frozen=True):
    """How a job looks at the directory."""

    app: str
    scope: str
    """`assigned` or `all`."""
    roles: tuple[AppRole, ...]
    scope_nesting: str
    member_nesting: str


class DirectoryReader(Protocol):
    """One consistent, read-only look at the directory: all answers are of sequence number `sequence`."""

    @property
    def epoch(self) -> str:
        """Names this directory: another one, or a restored copy, has another."""
        ...

    @property
    def sequence(self) -> int: ...

    def affected(self, view: View, kind: Kind, since: int | None) -> Iterator[list[str]]:
        """Ids of the subjects to look at, ascending, in pages of some hundreds, each once.

        since=None: everyone whom the view could bring into scope (tombstones left out). Otherwise: whoever
        changed after `since`, tombstones included; everyone below the child of each membership, and below
        each assignment's principal and each group, that changed after it; of groups also those above a
        changed membership, where members are flattened."""
        ...

    def subjects(self, view: View, kind: Kind, ids: Sequence[str]) -> list[Subject]:
        """Those subjects, complete, in the order of `ids`. One that was never here comes back as purged."""
        ...

    def everyone(self, kind: Kind) -> Iterator[list[str]]:
        """Ids of all, tombstones included, ascending, in pages."""
        ...

    def populated(self, view: View) -> bool:
        """Whether the view could bring at least one living user into scope."""
        ...


class Directory(Protocol):
    """The directory, as the engine needs it."""

    def reader(self) -> AbstractContextManager[DirectoryReader]: ...

    def sequence(self) -> int:
        """The newest sequence number, cheap enough to ask before each batch."""
        ...
