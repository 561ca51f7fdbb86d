"""SCIM filters and sort orders as SQL (RFC 7644 §3.4.2.2 and §3.4.2.3).

Every value goes to the database as a parameter; substrings are found with `instr` and `substr`, which know no
wildcards. A filter means here what `ScimFilter.match` says it means, and what can't be said in SQL is refused with
invalidFilter: an answer is never wider than what was asked for. Which tables are searched, and that only one
organisation's rows are, is up to `storage.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from scim2_models import InvalidFilterException, InvalidPathException, Resource, ScimFilter, SearchRequest
from scim2_models.path import (
    STRING_OPERATORS,
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)
from scim2_server.utils import parametrize
from sqlalchemy import ColumnElement, Select, and_, false, func, literal, not_, null, or_, select, true

from instep.serviceprovider.documents import ENTERPRISE
from instep.serviceprovider.text import exact, folded, stamp

Condition = ColumnElement[bool]


class Elements(Protocol):
    """The elements of a multi-valued attribute, wherever they are kept."""

    def having(self, condition: Condition) -> Condition:
        """Whether one of the elements meets the condition."""
        ...

    def part(self, name: str) -> ColumnElement[Any] | None:
        """A sub-attribute of an element; None when it can't be searched."""
        ...

    def anything(self) -> Condition:
        """Whether an element holds anything at all."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a resource type's attributes are in the database."""

    model: type[Resource[Any]]
    document: ColumnElement[Any]
    """The column with the attributes that have no column, as JSON."""
    columns: Mapping[str, ColumnElement[Any]]
    """Attributes that have one, by SCIM name, in the form in which they are compared."""
    relations: Mapping[str, Elements]
    """Multi-valued attributes that are rows of another table."""
    by_email: Select[Any] | None = None
    """The key of the rows that have an address; its one parameter is `email`."""
    key: ColumnElement[Any] | None = None


def condition(asked: ScimFilter[Any], shape: Shape) -> Condition:
    """The rows that a filter wants. InvalidFilterException when it can't be said in SQL."""
    return _Reading(parametrize(ScimFilter, shape.model)(asked.ast), shape).visit(asked.ast)


def order(request: SearchRequest[Any], shape: Shape) -> list[ColumnElement[Any]]:
    """What to sort by: the asked attribute, rows without it last (RFC 7644 §3.4.2.3). Empty when nothing is asked."""
    if request.sort_by is None:
        return []
    binding = request.sort_binding(shape.model)
    value = None
    if binding is not None and not binding.is_multivalued:
        value = _Reading(parametrize(ScimFilter, shape.model)("id pr"), shape).value(binding)
    if value is None:
        raise InvalidPathException(detail=f"this app can't sort by {str(request.sort_by)!r}")
    terms = [value.is_(null()), value]
    down = request.sort_order == SearchRequest.SortOrder.descending
    return [term.desc() for term in terms] if down else terms


class _Reading(FilterVisitor[Condition]):
    """A filter read as SQL for one shape. No condition it gives is ever NULL, so that `not` is safe."""

    def __init__(self, bound: ScimFilter[Any], shape: Shape) -> None:
        self._bound = bound
        self._shape = shape

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        terms = [self.visit(term) for term in node.terms]
        return and_(*terms) if node.op == LogicalOperator.and_ else or_(*terms)

    def visit_not(self, node: Not) -> Condition:
        return not_(self.visit(node.expr))

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._bound.resolve_comparison(node.attr_path, strict=False)
        if binding is None:
            return false()
        if not binding.is_multivalued:
            return _compared(self.value(binding), binding, node)
        if node.value is None:
            raise _refusal(binding, "can't be compared with null")
        elements = self._elements(binding)
        part = self._part(elements, binding)
        if node.op == CompareOperator.ne:
            equal = Comparison(node.attr_path, CompareOperator.eq, node.value)
            return not_(elements.having(_compared(part, binding, equal)))
        found = elements.having(_compared(part, binding, node))
        hint = self._by_email(binding, node) if _names(binding)[1] == "value" else None
        return found if hint is None else and_(hint, found)

    def visit_present(self, node: Present) -> Condition:
        binding = self._bound.resolve(node.attr_path, strict=False)
        if binding is None:
            return false()
        if binding.is_multivalued:
            elements = self._elements(binding)
            if binding.sub_field_name is None and _is_complex(binding):
                return elements.anything()
            return elements.having(_filled(self._part(elements, binding)))
        head, sub = _names(binding)
        if head == "meta" and sub is None:
            return true()
        value = self.value(binding)
        if value is None:
            raise _refusal(binding, "can't be searched")
        if _is_complex(binding):
            return _holds_anything(self._path(binding), self._shape.document)
        return _filled(value)

    def visit_value_path(self, node: ValuePath) -> Condition:
        binding = self._bound.resolve(node.attr_path, strict=False)
        if binding is None:
            return false()
        elements, inside = self._elements(binding), node.val_filter
        found = elements.having(_ElementReading(self._bound, node.attr_path, elements).visit(inside))
        terms = inside.terms if isinstance(inside, LogicalExpr) and inside.op == LogicalOperator.and_ else (inside,)
        hints = [
            hint
            for term in terms
            if isinstance(term, Comparison)
            and term.attr_path.attr.lower() == "value"
            and (hint := self._by_email(binding, term)) is not None
        ]
        return and_(*hints, found)

    def value(self, binding: AttributeBinding) -> ColumnElement[Any] | None:
        """A single-valued attribute in the form in which it's compared; None when it can't be searched."""
        column = self._shape.columns.get(".".join(name for name in _names(binding) if name))
        if column is not None and not _is_extension(binding):
            return column
        if _names(binding)[0] == "meta":
            return None
        return _comparable(func.json_extract(self._shape.document, self._path(binding)), binding)

    def _elements(self, binding: AttributeBinding) -> Elements:
        head, _ = _names(binding)
        return self._shape.relations.get(head) or _JsonElements(self._shape.document, self._path(binding, whole=True))

    def _part(self, elements: Elements, binding: AttributeBinding) -> ColumnElement[Any]:
        part = elements.part(_names(binding)[1] or "")
        if part is None:
            raise _refusal(binding, "can't be searched")
        return _comparable(part, binding)

    def _by_email(self, binding: AttributeBinding, node: Comparison) -> Condition | None:
        """A condition that holds wherever the comparison of an address does, and that an index answers."""
        by_email, key = self._shape.by_email, self._shape.key
        wanted = _names(binding)[0] == "emails" and node.op == CompareOperator.eq and isinstance(node.value, str)
        if by_email is None or key is None or not wanted:
            return None
        return key.in_(by_email.params(email=folded(node.value)))

    def _path(self, binding: AttributeBinding, *, whole: bool = False) -> str:
        head, sub = _names(binding)
        names = [_schema(binding)] if _is_extension(binding) else []
        names += [head] if whole or sub is None else [head, sub]
        return "$" + "".join(f'."{name}"' for name in names)


class _ElementReading(FilterVisitor[Condition]):
    """A filter in brackets, read for one element of a multi-valued attribute."""

    def __init__(self, bound: ScimFilter[Any], parent: AttrPath, elements: Elements) -> None:
        self._bound = bound
        self._parent = parent
        self._elements = elements

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        terms = [self.visit(term) for term in node.terms]
        return and_(*terms) if node.op == LogicalOperator.and_ else or_(*terms)

    def visit_not(self, node: Not) -> Condition:
        return not_(self.visit(node.expr))

    def visit_comparison(self, node: Comparison) -> Condition:
        binding, part = self._part(node.attr_path)
        return _compared(_comparable(part, binding), binding, node)

    def visit_present(self, node: Present) -> Condition:
        return _filled(self._part(node.attr_path)[1])

    def _part(self, path: AttrPath) -> tuple[AttributeBinding, ColumnElement[Any]]:
        whole = AttrPath(self._parent.attr, path.attr, self._parent.uri)
        binding = None if path.sub_attr or path.uri else self._bound.resolve(whole, strict=False)
        part = None if binding is None else self._elements.part(_names(binding)[1] or "")
        if binding is None or part is None:
            raise InvalidFilterException(detail=f"'{whole}' can't be searched")
        return binding, part


class _JsonElements:
    """The elements of an attribute that is kept in the document."""

    def __init__(self, document: ColumnElement[Any], path: str) -> None:
        self._items = func.json_each(document, path).table_valued("value")

    def having(self, condition: Condition) -> Condition:
        return select(literal(1)).select_from(self._items).where(condition).exists()

    def part(self, name: str) -> ColumnElement[Any]:
        value = self._items.c.value
        return func.json_extract(value, f'$."{name}"') if name else value

    def anything(self) -> Condition:
        parts = func.json_tree(self._items.c.value).table_valued("atom")
        filled = func.coalesce(parts.c.atom != "", false())
        return self.having(select(literal(1)).select_from(parts).where(filled).exists())


def _compared(value: ColumnElement[Any] | None, binding: AttributeBinding, node: Comparison) -> Condition:
    if value is None:
        raise _refusal(binding, "can't be searched")
    operand, is_text = _operand(binding, node)
    match node.op:
        case CompareOperator.eq:
            return value.is_not_distinct_from(operand)
        case CompareOperator.ne:
            return value.is_distinct_from(operand)
    if operand is None or (node.op in STRING_OPERATORS and not is_text):
        return false()
    match node.op:
        case CompareOperator.co:
            found = func.instr(value, operand) > 0
        case CompareOperator.sw:
            found = func.substr(value, 1, len(operand)) == operand
        case CompareOperator.ew:
            found = func.substr(value, -len(operand)) == operand if operand else value.is_not(null())
        case CompareOperator.gt:
            found = value > operand
        case CompareOperator.ge:
            found = value >= operand
        case CompareOperator.lt:
            found = value < operand
        case _:
            found = value <= operand
    return func.coalesce(found, false())


def _operand(binding: AttributeBinding, node: Comparison) -> tuple[Any, bool]:
    """What to compare with, in the form of the column, and whether it's text."""
    if node.value is None:
        return None, False
    target = binding.target_type
    if target is bool:
        return int(bool(coerce_value(binding, node.value, node.op))), False
    if target is datetime:
        if node.op in STRING_OPERATORS:
            return "", False
        time = coerce_value(binding, node.value, node.op)
        return stamp(time if time.tzinfo else time.replace(tzinfo=UTC)), False
    if not (isinstance(target, type) and issubclass(target, str)):
        raise _refusal(binding, "can't be compared")
    value = coerce_value(binding, node.value, node.op)
    if not isinstance(value, str):
        raise _refusal(binding, f"can't be compared with {value!r}")
    return (exact(value) if binding.case_exact else folded(value)), True


def _comparable(value: ColumnElement[Any], binding: AttributeBinding) -> ColumnElement[Any]:
    target = binding.target_type
    if isinstance(target, type) and issubclass(target, str):
        return func.exact(value) if binding.case_exact else func.folded(value)
    return value


def _filled(value: ColumnElement[Any]) -> Condition:
    """What `pr` asks of a plain value: there, and not empty text."""
    return func.coalesce(value != "", false())


def _holds_anything(path: str, document: ColumnElement[Any]) -> Condition:
    """What `pr` asks of a complex value: something in it is there and not empty."""
    parts = func.json_tree(document, path).table_valued("atom")
    return select(literal(1)).select_from(parts).where(func.coalesce(parts.c.atom != "", false())).exists()


def _names(binding: AttributeBinding) -> tuple[str, str | None]:
    """An attribute's own SCIM name and its sub-attribute's, without the schema."""
    head, _, sub = binding.urn.removeprefix(f"{_schema(binding)}:").partition(".")
    return head, sub or None


def _is_extension(binding: AttributeBinding) -> bool:
    return _schema(binding) == ENTERPRISE


def _schema(binding: AttributeBinding) -> str:
    return str(getattr(binding.model, "__schema__", ""))


def _is_complex(binding: AttributeBinding) -> bool:
    return hasattr(binding.target_type, "model_fields")


def _refusal(binding: AttributeBinding, what: str) -> InvalidFilterException:
    return InvalidFilterException(detail=f"'{binding.urn}' {what}")
