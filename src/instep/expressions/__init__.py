"""The mapping language: expressions that turn a person's attributes into what an app should hold.

Everything here is pure: text and values in, values out. Start with `expression.py` (parse and evaluate), `registry.py`
and `families/` (what the language can do), `compiler.py` (how it runs), `patterns.py` and `dotnet/` (what it took over
from .NET), `graph.py` (the documents of Microsoft Graph). `docs/reference/expressions.md` is made from the registry.
"""

from .errors import EvaluationError, ExpressionError, PatternError, PatternTimeout
from .expression import Expression, attribute, constant, parse
from .families import functions
from .graph import from_tree, to_tree
from .registry import Function
from .values import DROP, Candidates, Drop, Inputs, Redacted, Result, Role, Value

__all__ = [
    "parse",
    "attribute",
    "constant",
    "Expression",
    "Inputs",
    "Value",
    "Role",
    "Result",
    "DROP",
    "Drop",
    "Candidates",
    "Redacted",
    "to_tree",
    "from_tree",
    "functions",
    "Function",
    "ExpressionError",
    "PatternError",
    "EvaluationError",
    "PatternTimeout",
]
