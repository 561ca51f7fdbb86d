"""The shortest story that still fails: events are left out, many at first, then one by one, while the same is wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.simulator.run import Outcome, run
from tests.simulator.story import Event, Story

STORIES = Path(__file__).parent / "stories"
"""Where stories that failed once are kept; each is a test."""


def shortest(story: Story, most: int = 400, tell: Callable[[str], None] = lambda line: None) -> tuple[Story, Outcome]:
    """A short story in which the same invariant is broken as in this one, found in `most` runs."""
    outcome = run(story)
    kind = _kind(outcome)
    assert kind, "there is nothing wrong in this story"
    left, events, size = most, list(story.events), max(1, len(story.events) // 2)
    while size and left > 0:
        at = 0
        while at < len(events) and left > 0:
            fewer: list[Event] = events[:at] + events[at + size :]
            left -= 1
            tried = run(Story(story.seed, story.traits, fewer))
            if _kind(tried) == kind:
                events, outcome = fewer, tried
            else:
                at += size
        tell(f"{len(events)} of {len(story.events)} events, {left} runs left")
        size //= 2
    return Story(story.seed, story.traits, events), outcome


def keep(story: Story, folder: Path = STORIES) -> Path:
    """Write the story down, an event on a line."""
    folder.mkdir(exist_ok=True)
    path = folder / f"seed-{story.seed}.json"
    head = f'{{"seed": {story.seed}, "traits": {msgspec.json.encode(story.traits).decode()}, "events": [\n'
    path.write_text(head + ",\n".join(msgspec.json.encode(e).decode() for e in story.events) + "\n]}\n", "utf-8")
    return path


def read(path: Path) -> Story:
    """A story that was written down. Raises msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Story)


def _kind(outcome: Outcome) -> str:
    """The invariants that were broken first: `I2`, or words about a run that broke."""
    if not outcome.wrong:
        return ""
    found = re.search(r" s: (I\d|the run)", outcome.wrong[0])
    return found[1] if found else outcome.wrong[0][:30]
