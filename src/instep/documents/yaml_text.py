"""YAML as plain data, with the line of every key and element; and plain data as YAML that people like to read.

Only what a document of ours needs is let in: no aliases, no tags, no second document, no key twice. What a document
must contain isn't known here.
"""

from typing import Any, Final

import yaml
from msgspec import Struct

from instep.core.faults import Fault

_TYPES: Final = ("null", "bool", "int", "float", "str", "timestamp")
_ALLOWED: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in (*_TYPES, "map", "seq"))
_DEPTH: Final = 20
"""How deep lists and keys may be nested; ours need eight."""
_LENGTH: Final = 1_000_000


class LineFault(Struct, frozen=True):
    """What is wrong in a text, and in which line (from 1)."""

    line: int
    fault: Fault

    def __str__(self) -> str:
        return f"line {self.line}: {self.fault}"


class YamlText(Struct):
    """What a text says."""

    data: Any
    lines: dict[str, int]
    """The line (from 1) of each place: of the key for `rules.scope`, of the element for `rules.roles[0]`."""
    faults: list[LineFault]
    """What isn't right already as YAML; the data is what could be read all the same."""

    def line(self, place: str) -> int:
        """The line of a place, or of the nearest that encloses it."""
        while place and place not in self.lines:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return self.lines.get(place, 1)


class NoYaml(ValueError):
    """A text that can't be read as YAML at all: `line` and the problem."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem = line, problem


def read(text: str) -> YamlText:
    """What the text says, and where. Raises NoYaml."""
    if len(text) > _LENGTH:
        raise NoYaml(1, f"the document is longer than {_LENGTH:,} characters")
    try:
        _look_through(text)
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        raise NoYaml(mark.line + 1 if mark else 1, str(wrong.problem or wrong.context)) from None
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        raise NoYaml(line, f"the character U+{wrong.character:04X} can't stand in YAML") from None
    found = YamlText(None, {}, [])
    if node is not None:
        found.data = _data(node, "", found)
    return found


def _look_through(text: str) -> None:
    """Refuses what would make the rest expensive, before anything is built. Raises NoYaml and yaml's errors."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise NoYaml(line, f"the alias *{event.anchor} isn't followed; write out what it stands for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                raise NoYaml(line, f"lists and keys are nested more than {_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _data(node: yaml.Node, place: str, found: YamlText) -> Any:
    found.lines.setdefault(place, node.start_mark.line + 1)
    if node.tag not in _ALLOWED:
        _wrong(node, place, f"the tag {node.tag} isn't understood; leave it out", found)
        return None
    if isinstance(node, yaml.MappingNode):
        return _keys(node, place, found)
    if isinstance(node, yaml.SequenceNode):
        return [_data(element, f"{place}[{at}]", found) for at, element in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, yaml.YAMLError):  # 2026-02-31; a number with more digits than Python reads
        _wrong(node, place, "this is no value that exists; put it in quotes if it's a text", found)
        return None


def _keys(node: yaml.MappingNode, place: str, found: YamlText) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _wrong(key, place, "a key is a word, not a list or keys of its own", found)
            continue
        name = str(key.value)  # as it's written: `on` and `no` are words here
        inside = f"{place}.{name}" if place else name
        if name in data:
            _wrong(key, inside, f"the key `{name}` stands twice, first in line {found.line(inside)}", found)
            continue
        found.lines[inside] = key.start_mark.line + 1
        data[name] = _data(value, inside, found)
    return data


def _wrong(node: yaml.Node, place: str, problem: str, found: YamlText) -> None:
    found.faults.append(LineFault(node.start_mark.line + 1, Fault(place, problem)))


class Line(dict[str, Any]):
    """Keys and values that are written in one line: `{target: title, source: "[jobTitle]"}`."""


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, and texts stay in one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _line(dumper: yaml.SafeDumper, line: Line) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", line.items(), flow_style=True)


def _list(dumper: yaml.SafeDumper, given: list[Any]) -> yaml.Node:
    scalars = all(not isinstance(each, dict | list) for each in given)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", given, flow_style=scalars)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # Only double quotes can hold a line break within one line.
    style = '"' if any(c in text for c in "\n\r\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(Line, _line)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)


def write(data: dict[str, Any]) -> str:
    """The data as YAML, in its order: a key a line, a `Line` in one line. The same data gives the same text."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31, default_flow_style=False)
