"""A CSV file as a header and rows, strictly read: what is ragged, misquoted or endless is a fault.

The delimiter is a comma, or what spreadsheets in other countries write: a semicolon or a tab. Cells are text,
also those that look like formulas. The columns' meaning is the formats' business (`entra`, `google`).
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain

from instep.core.directory import Fault
from instep.sources.text import MAX_LINE, Broken, TextFile

MAX_CELL = 65_536
"""Characters of the longest cell that is accepted."""


class Table:
    """A CSV file whose header is known."""

    def __init__(self, text: TextFile) -> None:
        """Raises Broken when there is no header."""
        self.text = text
        with closing(text.lines()) as lines:
            reader = _Reader(text, lines)
            self.header = [name.strip() for name in reader.header]
        while self.header and not self.header[-1]:  # spreadsheets leave empty columns behind
            self.header.pop()

    def rows(self) -> Iterator[tuple[int, list[str]] | Fault]:
        """Line number and cells of each row that fits the header, or what is wrong with it. Ends when the rest
        can't be read."""
        with closing(self.text.lines()) as lines:
            try:
                for line, cells in _Reader(self.text, lines).rows():
                    yield from self._checked(line, cells)
            except Broken as broken:
                yield broken.fault

    def _checked(self, line: int, cells: list[str]) -> Iterator[tuple[int, list[str]] | Fault]:
        width = len(self.header)
        if not any(cells):
            return
        if len(cells) < width or any(cells[width:]):
            expected = f"{len(cells)} cells were found where the header has {width}: is a quote or a comma missing?"
            yield self.text.fault(line, cells[0], expected)
        elif len(max(cells, key=len)) > MAX_CELL:
            yield from self._too_long(line, cells)
        else:
            yield line, cells

    def _too_long(self, line: int, cells: Sequence[str]) -> Iterator[Fault]:
        for name, cell in zip(self.header, cells, strict=False):
            if len(cell) > MAX_CELL:
                expected = f"the cell holds {len(cell):,} characters; at most {MAX_CELL:,} are accepted"
                yield self.text.fault(line, cell, expected, name)


class _Reader:
    """Python's CSV reader, strict, whose errors are Broken with the line where the row began."""

    def __init__(self, text: TextFile, lines: Iterator[str]) -> None:
        self._text = text
        self._skipped = 0  # empty lines before the header
        first = ""
        for first in lines:
            if first.strip():
                break
            self._skipped += 1
        if not first.strip():
            raise Broken(text.fault(0, "", "is empty; a line with the columns' names was expected"))
        csv.field_size_limit(MAX_LINE)  # for the whole process, which reads no CSV but here
        delimiter = max(",;\t", key=first.count)
        self._reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        self.header = next(self.rows())[1]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of each row from here on."""
        while True:
            line = self._skipped + self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as wrong:
                raise Broken(self._text.fault(line, "", _said(str(wrong)))) from None
            yield line, cells


def _said(wrong: str) -> str:
    if "unexpected end of data" in wrong:
        return "a quote is opened in the row that begins here and never closed"
    if "expected after" in wrong:
        return "text follows a closing quote; quotes within a quoted cell are written twice"
    if "field larger" in wrong:
        return "a cell in the row that begins here doesn't end: is a quote missing?"
    return f"isn't CSV: {wrong}"
