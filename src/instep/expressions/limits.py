"""How large an expression, a pattern and a result may be.

Rules are written by people and read from files, so nothing in them may cost unbounded time or memory.
Every limit is checked before the work that it bounds is done.
"""

from typing import Final

EXPRESSION_LENGTH: Final = 10_000
"""Characters of an expression, white space between its parts not counted (the documented length limit)."""

TEXT_LENGTH: Final = 100_000
"""Characters that the parser reads at all, white space included."""

EXPRESSION_DEPTH: Final = 50
"""How deep function calls may be nested."""

EXPRESSION_CALLS: Final = 500
"""Function calls in one expression."""

RESULT_LENGTH: Final = 100_000
"""Characters of a text that a function may give."""

RESULT_ITEMS: Final = 10_000
"""Elements of a list that a function may give."""

DATE_LENGTH: Final = 100
"""Characters of a text that is read as a date, and of a date format."""

PATTERN_LENGTH: Final = 1_000
"""Characters of a regular expression."""

PATTERN_DEPTH: Final = 50
"""How deep the groups of a regular expression may be nested."""

PATTERN_REPEATS: Final = 10_000
"""Product of the bounds of a pattern's nested repeats."""

PATTERN_SIZE: Final = 12_000
"""Parts of a pattern once its repeats are written out. That is paid for when it is compiled, where no time limit helps:
the engine's compiler takes up to a tenth of a second for as many."""

PATTERN_SECONDS: Final = 0.05
"""How long one pattern may search one text, where the caller says nothing else."""
