"""The JSON Schema that editors use says what the program says."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.documents.test_app_document import SHORT, SMALL, TEN

from instep.core.rules_document import rules_document
from instep.documents.app_document import dump
from instep.documents.json_schema import json_schema
from instep.targets import gallery

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = REFERENCE / "app-document.md"


def wrong(value: Any, schema: dict[str, Any], place: str = "") -> list[str]:
    """Where a value doesn't fit: as much of JSON Schema as ours uses."""
    if "$ref" in schema:
        return wrong(value, json_schema()["$defs"][schema["$ref"].rpartition("/")[2]], place)
    if "anyOf" in schema:
        found = [wrong(value, each, place) for each in schema["anyOf"]]
        return [] if [] in found else found[0]
    if "enum" in schema:
        return [] if value in schema["enum"] else [place]
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": int | float}
    if schema["type"] == "null" or not isinstance(value, types[schema["type"]]):
        return [] if schema["type"] == "null" and value is None else [place]
    if isinstance(value, list):
        return [p for at, each in enumerate(value) for p in wrong(each, schema["items"], f"{place}[{at}]")]
    if not isinstance(value, dict):
        return []
    known = schema["properties"]
    missing = [f"{place}.{name}" for name in schema["required"] if name not in value]
    unknown = [f"{place}.{name}" for name in value if name not in known and not schema["additionalProperties"]]
    inside = [p for name, each in value.items() if name in known for p in wrong(each, known[name], f"{place}.{name}")]
    return missing + unknown + inside


def test_the_file_is_what_the_code_says() -> None:
    kept = json.loads((REFERENCE / "app-document.schema.json").read_text(encoding="utf-8"))
    assert kept == json_schema(), (
        "write it anew: python -m instep.documents.json_schema > docs/reference/app-document.schema.json"
    )


@pytest.mark.parametrize("name", ["mixpanel", "scim", "notion"])
def test_what_is_written_fits(name: str) -> None:
    rules = rules_document(gallery.template(name).rules)
    document = msgspec.structs.replace(SMALL, rules=rules)
    assert wrong(yaml.safe_load(dump(document)), json_schema()) == []
    assert wrong(yaml.safe_load(SHORT), json_schema()) == []


def test_what_has_the_wrong_form_does_not_fit() -> None:
    assert wrong(yaml.safe_load(TEN), json_schema()) == [
        ".colour",
        ".schedul",
        ".rules.scope",
        ".rules.users.filters[0].clauses[1].value",
        ".rules.users.mappings[3].requird",
    ]


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{name}.{key}"
        for name, kind in json_schema()["$defs"].items()
        for key, said in kind["properties"].items()
        if not said.get("description")
    ]
    assert silent == []


def test_the_page_names_every_key() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_.]+)`", text))
    words = {word for name in named for word in name.split(".")}
    keys = {key for kind in json_schema()["$defs"].values() for key in kind["properties"]}
    assert keys - words == set()
