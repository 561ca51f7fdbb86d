"""Canaries: values that are planted, and looked for in every byte that was written, in every form they may take.

A canary has two long runs of letters and digits in it, with everything between them that encoders escape. No encoder
touches letters and digits one by one (but base64, hexadecimal and a reversal, which are looked for too), so whoever
finds neither run finds no form of the value, whole or cut.
"""

import base64
import random
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

BETWEEN = '/+="&<%\\'
"""What JSON, URLs, HTML and shells escape."""
_RUN = 14
_SHORTEST_CUT = 9
"""Characters of a run: what is left of a value that was cut off is found too."""


def made(name: str, seed: int = 0, between: str = BETWEEN) -> str:
    """A value that occurs nowhere else."""
    chance = random.Random(f"{seed} {name}")
    first, last = ("".join(chance.choices(string.ascii_letters + string.digits, k=_RUN)) for _ in range(2))
    return f"{first}{between}{last}"


def runs(value: str) -> list[str]:
    """The parts of a value that no encoder escapes, long enough to be nobody else's."""
    found, run = [], ""
    for character in f"{value}\n":
        if character.isascii() and (character.isalnum() or character in "-_"):
            run += character
            continue
        if len(run) >= _SHORTEST_CUT:
            found.append(run)
        run = ""
    return [*found, *(each[:_SHORTEST_CUT] for each in found)]


def forms(run: str) -> Iterator[bytes]:
    """How a run may be written."""
    text = run.encode()
    yield text
    yield text[::-1]
    yield text.hex().encode()
    yield run.encode("utf-16-le")
    for offset in range(3):
        # Where it stands in three bytes decides how base64 has it; what its neighbours share in is left out.
        encoded = base64.b64encode(b"x" * offset + text)
        yield encoded[-(-offset * 4 // 3) : len(encoded) // 4 * 4 - 4]
        yield base64.urlsafe_b64encode(b"x" * offset + text)[-(-offset * 4 // 3) : len(encoded) // 4 * 4 - 4]


class Search:
    """Looks for values by name."""

    def __init__(self, values: Mapping[str, str | bytes]) -> None:
        self._forms: dict[str, list[bytes]] = {}
        for name, value in values.items():
            known: set[bytes] = set()
            if isinstance(value, bytes):
                known |= {
                    value,
                    value.hex().encode(),
                    base64.b64encode(value)[:-2],
                    base64.urlsafe_b64encode(value)[:-2],
                }
            else:
                known |= {form for run in runs(value) for form in forms(run) if len(form) >= _SHORTEST_CUT}
            assert known, f"{name} is too short to be looked for"
            self._forms[name] = sorted(known | {form.lower() for form in known if len(form) >= 12})

    def found(self, text: bytes) -> set[str]:
        """The names of the values that are in a text."""
        lowered = text.lower()
        return {name for name, known in self._forms.items() if any(f in text or f in lowered for f in known)}


def files(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Every file below the folders, with its bytes."""
    for folder in folders:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            yield path, path.read_bytes()
