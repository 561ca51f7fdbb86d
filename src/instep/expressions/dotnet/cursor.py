"""A place in a pattern that moves forward as the pattern is read."""

from dataclasses import dataclass

from ..errors import PatternError


@dataclass(slots=True)
class Cursor:
    """The text of a pattern, and how far it has been read."""

    text: str
    position: int = 0

    @property
    def at_end(self) -> bool:
        """Whether all has been read."""
        return self.position >= len(self.text)

    def next(self) -> str:
        """The next character, which is taken; a `PatternError` at the end."""
        if self.at_end:
            raise PatternError("the pattern ends in the middle of something", self.position)
        self.position += 1
        return self.text[self.position - 1]

    def looks_at(self, expected: str) -> bool:
        """Whether this text follows."""
        return self.text.startswith(expected, self.position)

    def take(self, expected: str) -> bool:
        """Takes this text if it follows, and says whether it did."""
        if not self.looks_at(expected):
            return False
        self.position += len(expected)
        return True

    def until(self, closing: str) -> str:
        """What stands before the closing text, which is taken too; a `PatternError` if it never comes."""
        end = self.text.find(closing, self.position)
        if end < 0:
            raise PatternError(f'a closing "{closing}" is missing', self.position + 1)
        found = self.text[self.position : end]
        self.position = end + len(closing)
        return found

    def while_in(self, characters: str, most: int) -> str:
        """As many of these characters as follow, but not more than so many."""
        start = self.position
        while self.position < min(len(self.text), start + most) and self.text[self.position] in characters:
            self.position += 1
        return self.text[start : self.position]
