"""Faults that somebody could make, one at a time, in the tree of a module: a bound that is off by one, a condition
that is left out, an argument that isn't passed on.

Left alone is what says nothing of behaviour: annotations, docstrings, assertions, the options of classes, and what
documents the mapping language, whose examples are its tests.
"""

import ast
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any

IMPORT = range(0)
"""The lines of what runs when the module is imported."""

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("sorted", "list"),
    ("lower", "upper"),
    ("startswith", "endswith"),
    ("lstrip", "rstrip"),
    ("partition", "rpartition"),
    ("lt", "le"),
    ("gt", "ge"),
)
_SWAPPED = {name: other for one, two in _PAIRS for name, other in ((one, two), (two, one))}
_UNTOUCHED = (ast.Assert, ast.Import, ast.ImportFrom, ast.expr_context, ast.operator, ast.cmpop)
_NAMED = (ast.Name, ast.Attribute, ast.Subscript)
_EITHER_WAY = ("isinstance", "cast", "max", "min")
_DOCUMENTATION = ("about", "examples", "family")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one fault in it."""

    file: str
    line: int
    text: str
    """The line that the fault is in, without its indentation."""
    fault: str
    statement: range
    """The lines of the statement that the fault is in, or IMPORT."""
    code: CodeType


def mutants(path: Path, file: str) -> Iterator[Mutant]:
    """Every module that differs from this one by one fault. file: how it's called."""
    source = path.read_text(encoding="utf-8")
    texts, tree = source.splitlines(), ast.parse(source)
    seen: dict[tuple[int, str], int] = {}
    for node, put, statement in _places(tree, IMPORT):
        for other, fault in _faults(node):
            line = next(part.lineno for part in ast.walk(node) if hasattr(part, "lineno"))
            if not hasattr(other, "lineno"):
                ast.copy_location(other, node)
            put(ast.fix_missing_locations(other))
            try:
                code = compile(tree, str(path), "exec", dont_inherit=True)
            except SyntaxError:
                continue  # nobody could make this one
            finally:
                put(node)
            count = seen[line, fault] = seen.get((line, fault), 0) + 1
            named = fault if count == 1 else f"{fault}, no. {count} of the line"
            yield Mutant(file, line, texts[line - 1].strip(), named, statement, code)


def _places(node: ast.AST, statement: range) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None], range]]:
    """Every node below this one, how to put another one in its place, and the lines of its statement."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or (isinstance(node, ast.ClassDef) and name != "body"):
            continue
        inside = name == "body" and isinstance(node, ast.FunctionDef | ast.Lambda)
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or isinstance(child, _UNTOUCHED) or _is_documentation(node, name, index):
                continue
            lines = _head(child) if inside or (statement and isinstance(child, ast.stmt)) else statement
            yield child, _putter(node, name, index if isinstance(value, list) else None), lines
            if not isinstance(child, ast.JoinedStr):
                yield from _places(child, lines)


def _head(node: Any) -> range:
    """The lines of a statement without those of the statements in it."""
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if isinstance(body, list) else node.end_lineno
    return range(node.lineno, max(node.lineno, end) + 1)


def _putter(node: ast.AST, name: str, index: int | None) -> Callable[[ast.AST], None]:
    def put(other: ast.AST) -> None:
        if index is None:
            setattr(node, name, other)
        else:
            getattr(node, name)[index] = other

    return put


def _is_documentation(node: ast.AST, name: str, index: int) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.keyword(arg=arg):
            return arg in (*_DOCUMENTATION, "strict")
        case ast.Call(func=ast.Name(id="cast")):
            return name == "args" and index == 0
        case ast.Call(func=ast.Name(id="Parameter")):
            return name == "args" and index == 2
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case _:
            return False


# ---------------------------------------------------------------------------------------------- faults


def _faults(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """What the node may become, and what is said of it."""
    match node:
        case ast.Compare(ops=operators):
            for index, operator in enumerate(operators):
                other = _COMPARED[type(operator)]()
                yield _becomes(node, ops=[*operators[:index], other, *operators[index + 1 :]])
        case ast.BoolOp(op=operator, values=values):
            yield _becomes(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            for index, value in enumerate(values):
                rest = [*values[:index], *values[index + 1 :]]
                yield (_with(node, values=rest) if len(rest) > 1 else rest[0]), f"without {_text(value)}"
        case ast.UnaryOp(operand=operand):
            yield operand, f"{_text(node)} becomes {_text(operand)}"
        case ast.BinOp(op=operator, left=left, right=right):
            if type(operator) in _CALCULATED:
                yield _becomes(node, op=_CALCULATED[type(operator)]())
            if isinstance(operator, ast.Sub | ast.BitAnd | ast.BitOr):
                yield left, f"{_text(node)} becomes {_text(left)}"
            if isinstance(operator, ast.BitAnd | ast.BitOr):
                yield right, f"{_text(node)} becomes {_text(right)}"
        case ast.Constant(value=value):
            for other in _other_constants(value):
                yield ast.Constant(other), f"{value!r} becomes {other!r}"
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield _with(node, values=[p for p in parts if p is not part]), f"without {{{_text(part.value)}}}"
        case ast.Attribute(attr=name) if name in _SWAPPED:
            yield _with(node, attr=_SWAPPED[name]), f"{name} becomes {_SWAPPED[name]}"
        case ast.Name(id=name) if name in _SWAPPED:
            yield _with(node, id=_SWAPPED[name]), f"{name} becomes {_SWAPPED[name]}"
        case ast.Call(func=called, args=given, keywords=keywords):
            for index, (one, other) in enumerate(pairwise(given)):
                # What would fail at once, or give the same, tells nothing.
                if isinstance(one, _NAMED) and isinstance(other, _NAMED) and _text(called) not in _EITHER_WAY:
                    swapped = [*given[:index], other, one, *given[index + 2 :]]
                    yield _with(node, args=swapped), f"{_text(one)} and {_text(other)} change places"
            for keyword in keywords:
                if keyword.arg not in (*_DOCUMENTATION, "strict"):
                    yield _with(node, keywords=[k for k in keywords if k is not keyword]), f"without {_text(keyword)}"
        case ast.Tuple(elts=[_, _, *_] as elements) | ast.List(elts=[_, _, *_] as elements) if _is_value(node):
            for element in elements:
                yield _with(node, elts=[e for e in elements if e is not element]), f"without {_text(element)}"
        case ast.Dict(keys=keys, values=values):
            for index, value in enumerate(values):
                rest = _with(node, keys=keys[:index] + keys[index + 1 :], values=values[:index] + values[index + 1 :])
                key = keys[index]
                yield rest, f"without {_text(key)}: {_text(value)}" if key else f"without **{_text(value)}"
        case ast.comprehension(ifs=conditions):
            for condition in conditions:
                yield _with(node, ifs=[c for c in conditions if c is not condition]), f"without if {_text(condition)}"
        case ast.If(test=test) | ast.IfExp(test=test):
            for value in (True, False):
                yield _with(node, test=ast.Constant(value)), f"if {_text(test)} becomes if {value}"
        case ast.While(test=test):
            yield _with(node, test=ast.Constant(False)), f"while {_text(test)} becomes while False"
        case ast.For(iter=iterated):
            yield _with(node, iter=ast.Tuple([], ast.Load())), f"for in {_text(iterated)} is left out"
        case ast.Match(cases=cases):
            for case in cases if len(cases) > 1 else ():
                yield _with(node, cases=[c for c in cases if c is not case]), f"without case {_text(case.pattern)}"
        case ast.match_case(guard=guard, pattern=pattern) if guard is not None:
            yield _with(node, guard=None), f"case {_text(pattern)} without if {_text(guard)}"
        case ast.ExceptHandler(type=caught):
            yield _with(node, body=[ast.Raise()]), f"without except {_text(caught) if caught else ''}"
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield _with(node, value=ast.Constant(None)), f"{_text(node)} becomes return None"
        case ast.AugAssign(op=operator):
            if type(operator) in _CALCULATED:
                yield _becomes(node, op=_CALCULATED[type(operator)]())
            yield ast.Pass(), f"without {_text(node)}"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Continue() | ast.Break() | ast.Raise():
            yield ast.Pass(), f"without {_text(node)}"
        case ast.Expr(value=ast.Call()):
            yield ast.Pass(), f"without {_text(node)}"
        case _:
            pass


def _other_constants(value: object) -> tuple[object, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case float():
            return (value * 2, value / 2) if value else (1.0,)
        case str():
            return ("",) if value else ("mutated",)
        case _:
            return ()


def _is_value(node: ast.Tuple | ast.List) -> bool:
    return isinstance(node.ctx, ast.Load)


def _with(node: Any, **fields: Any) -> Any:
    """A copy of the node with other fields."""
    other = copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _becomes(node: Any, **fields: Any) -> tuple[ast.AST, str]:
    other = _with(node, **fields)
    return other, f"{_text(node)} becomes {_text(other)}"


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
