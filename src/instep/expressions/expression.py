"""An expression of the mapping language, ready to be evaluated for any number of subjects.

`parse` reads one from text; `attribute` and `constant` make the two simplest, so that direct and constant mappings are
expressions like all others. What an expression reads and does is known without evaluating it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import registry
from .compiler import compiled
from .nodes import Attribute, Node, Text, printed
from .parsing import tree
from .tokens import attribute_name
from .values import Inputs, Result


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked and compiled expression; two are equal if their texts are.

    `text` is canonical. `attributes` are the Graph names that it reads, `functions` the names that it calls. `impure`
    says that the result depends on more than the attributes (the cycle's time, the link's seed, what the app holds).
    `warnings` are sentences for the rule's author. `redacted` results must not be shown to anybody.
    """

    text: str
    node: Node = field(compare=False, repr=False)
    attributes: frozenset[str] = field(compare=False, repr=False)
    functions: frozenset[str] = field(compare=False, repr=False)
    impure: bool = field(compare=False, repr=False)
    warnings: tuple[str, ...] = field(compare=False, repr=False)
    redacted: bool = field(compare=False, repr=False)
    run: Callable[[Inputs], Result] = field(compare=False, repr=False)

    def evaluate(self, inputs: Inputs) -> Result:
        """The value for these inputs; an `EvaluationError` if there is none to be had."""
        return self.run(inputs)

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Expression:
    """The expression that a text says, or an `ExpressionError` with the column and what was expected there."""
    return _of_tree(tree(text))


def attribute(name: str) -> Expression:
    """The expression of a direct mapping: one source attribute as it is."""
    return parse(printed(Attribute(attribute_name(name))))


def constant(value: str) -> Expression:
    """The expression of a constant mapping: the same text for everybody."""
    return parse(printed(Text(value)))


def _of_tree(node: Node) -> Expression:
    found = compiled(node)
    return Expression(
        text=printed(node),
        node=node,
        attributes=frozenset(found.attributes),
        functions=frozenset(found.functions),
        impure=any(registry.find(name).impure for name in found.functions),
        warnings=tuple(found.warnings),
        redacted="Redact" in found.functions,
        run=found.run,
    )
