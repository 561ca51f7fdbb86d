"""A text file read line by line, in bounded memory, in an encoding that is known and never guessed.

UTF-8 with or without a byte order mark, UTF-16 with one; anything else only when the encoding is named.
What can't be read is a `Broken` with the line and the byte. Lines keep their endings: a quoted cell may hold
some. Knows nothing of formats; see `table` and `json_lines`.
"""

import codecs
import io
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from instep.core.directory import Fault

MAX_LINE = 4 * 1024 * 1024
"""Characters of the longest line that is read."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Broken(Exception):
    """The file can't be read on from here."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class TextFile:
    """A text file; `encoding` overrides what its first bytes say."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        """Raises Broken when there is no such file or no such encoding."""
        self.path = path
        self.name = str(path)
        try:
            with path.open("rb") as file:
                start = file.read(4)
            self.size = path.stat().st_size
        except OSError as wrong:
            raise Broken(self.fault(0, "", f"can't be opened: {wrong.strerror}")) from None
        self.encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        if encoding is not None:
            try:
                known = codecs.lookup(encoding).name
                b"".decode(known)  # some codecs don't make text
            except LookupError:
                expected = "isn't an encoding that is known; try utf-8, utf-16, windows-1252 or latin-1"
                raise Broken(self.fault(0, encoding, expected)) from None
            self.encoding = "utf-8-sig" if known == "utf-8" else known
        self._binary: io.BufferedReader | None = None

    def position(self) -> int:
        """How many bytes were read so far; `size` is all."""
        return self._binary.tell() if self._binary and not self._binary.closed else 0

    def start(self) -> str:
        """The first line that isn't empty, without spaces around it. Raises Broken."""
        with closing(self.lines()) as lines:
            return next((line.strip() for line in lines if line.strip()), "")

    def lines(self) -> Generator[str, None, None]:
        """The lines, with their endings. Raises Broken at the first that isn't text."""
        with (
            self.path.open("rb") as self._binary,
            io.TextIOWrapper(self._binary, encoding=self.encoding, errors="strict", newline="") as text,
        ):
            number = 0
            try:
                while line := text.readline(MAX_LINE):
                    number += 1
                    if number == 1:
                        line = line.removeprefix("\ufeff")  # stays where the encoding was named
                    if "\0" in line:
                        raise Broken(self.fault(number, "", _NUL))
                    if len(line) == MAX_LINE and line[-1] not in "\r\n":
                        raise Broken(self.fault(number, line, f"the line is longer than {MAX_LINE:,} characters"))
                    yield line
            except UnicodeDecodeError:
                raise Broken(self._undecodable()) from None

    def fault(self, line: int, value: str, expected: str, column: str = "") -> Fault:
        """A fault of this file; long values are cut."""
        return Fault(self.name, line, column, value if len(value) <= 60 else value[:57] + "...", expected)

    def _undecodable(self) -> Fault:
        """Where the first bytes are that the encoding doesn't know: read again, since decoding runs ahead."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        line = 1
        with self.path.open("rb") as file:
            while True:
                chunk = file.read(1 << 16)
                try:
                    line += decoder.decode(chunk, final=not chunk).count("\n")
                except UnicodeDecodeError as wrong:
                    good = wrong.object[: wrong.start].decode(self.encoding, errors="ignore")
                    byte = f"byte 0x{wrong.object[wrong.start]:02x} isn't {_plain(self.encoding)}"
                    return self.fault(line + good.count("\n"), "", f"{byte}: {_ENCODINGS}")


def _plain(encoding: str) -> str:
    return {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16"}.get(encoding, encoding)


_ENCODINGS = "save the file as UTF-8, or name its encoding with --encoding (from Excel in Western Europe: windows-1252)"
_NUL = (
    "a NUL character: the file is damaged, or it's UTF-16 without a byte order mark; then name the encoding "
    "with --encoding utf-16-le"
)
