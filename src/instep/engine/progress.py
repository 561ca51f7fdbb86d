"""Progress of a cycle, for whoever watches: a bar in a terminal, a page, a metric."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """Where a cycle stands. One object per cycle, changed in place; `changed` is told after each step."""

    changed: Callable[["Progress"], None] = lambda _: None
    phase: str = "starting"
    """`starting`, `settling`, `evaluating`, `applying` or `ended`."""
    evaluated: int = 0
    planned: int = 0
    """Decisions that are or were to be carried out."""
    applied: int = 0
    sent: Callable[[], int] = lambda: 0
    """How many requests the app got in this cycle; the cycle puts it here."""
    counts: dict[str, int] = field(default_factory=dict)
    """Per action of the log; plus `failure`, `skip` and `hold`."""

    @property
    def requests(self) -> int:
        """How many requests the app got, look-ups included."""
        return self.sent()

    def enter(self, phase: str) -> None:
        """Say which phase begins."""
        self.phase = phase
        self.changed(self)

    def count(self, word: str, number: int = 1) -> None:
        """Count one of the summary's words."""
        self.counts[word] = self.counts.get(word, 0) + number
        self.changed(self)
