"""The JSON Schema of an app document, for editors that check and complete while one types.

`python -m instep.documents.json_schema > docs/reference/app-document.schema.json` writes it anew; a test holds the
file that is there equal to this. What each key means is what stands below it in the code.
"""

import ast
import inspect
import json
import sys
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import Struct

from instep.documents.app_document import AppDocument, TokenDocument
from instep.documents.app_settings import LIMITS


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12), with what each key means."""
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(AppDocument)))
    told: dict[str, dict[str, Any]] = made["$defs"]
    for kind in _structs(AppDocument):
        for name, text in _meanings(kind).items():
            told[kind.__name__]["properties"][name]["description"] = text
    told[TokenDocument.__name__] |= {"minProperties": 1, "maxProperties": 1}
    parts = {field.name: field.type for field in msgspec.structs.fields(AppDocument)}
    for place, (least, most) in LIMITS.items():
        section, _, name = place.partition(".")
        told[parts[section].__name__]["properties"][name] |= {"minimum": least, "maximum": most}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Instep app document", **made}


def _structs(kind: type[Struct]) -> list[type[Struct]]:
    """The type and all that its fields are made of."""
    found: dict[type[Struct], None] = {kind: None}
    waiting: list[msgspec.inspect.Type] = [msgspec.inspect.type_info(kind)]
    while waiting:
        match waiting.pop():
            case msgspec.inspect.StructType(cls=cls, fields=fields):
                found[cls] = None
                waiting += [field.type for field in fields]
            case msgspec.inspect.VarTupleType(item_type=item):
                waiting.append(item)
            case msgspec.inspect.UnionType(types=types):
                waiting += types
            case _:
                pass
    return list(found)


def _meanings(kind: type[Struct]) -> dict[str, str]:
    """What stands below each field in the class's source."""
    [made] = ast.parse(dedent(inspect.getsource(kind))).body
    body = made.body if isinstance(made, ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n")
