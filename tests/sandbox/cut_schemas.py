"""Cut GitHub's official descriptions to what the sandbox serves.

    npm install @octokit/openapi @octokit/graphql-schema @octokit/webhooks-schemas @octokit/webhooks-examples
    python -m tests.sandbox.cut_schemas node_modules

writes tests/data/github/ and bot/sandbox/schema.graphql. The packages are under the MIT licence, see NOTICE there.
"""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from graphql import language as ast

from bot.sandbox.rest import ROUTES
from tests.sandbox.selection import EVENTS, FIELDS, MUTATIONS

DATA = Path(__file__).parents[1] / "data" / "github"
SDL = Path(__file__).parents[2] / "bot" / "sandbox" / "schema.graphql"
Json = dict[str, Any]
DROPPED = frozenset({"examples", "example", "description", "externalDocs", "x-github", "x-multi-segment", "tsType"})
LITERAL = frozenset({"properties", "patternProperties", "definitions", "schemas"})


def slim(node: Any, *, names: bool = False) -> Any:
    """The node without prose; the keys of property tables are names, not keywords, and stay."""
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if names or key not in DROPPED}
        return {key: slim(value, names=key in LITERAL and not names) for key, value in kept.items()}
    return [slim(each) for each in node] if isinstance(node, list) else node


def references(node: Any) -> Iterable[str]:
    """All `$ref` under a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def closure(document: Json, start: Any) -> Json:
    """The referenced parts of the document, at their places."""
    kept: Json = {}
    todo, seen = list(references(start)), set[str]()
    while todo:
        reference = todo.pop()
        if reference in seen:
            continue
        seen.add(reference)
        source, target = document, kept
        *folders, name = reference.removeprefix("#/").split("/")
        for folder in folders:
            source, target = source[folder], target.setdefault(folder, {})
        target[name] = slim(source[name])
        todo.extend(references(target[name]))
    return kept


def cut_openapi(document: Json) -> Json:
    """Only the operations that the sandbox routes, with request bodies and answers."""
    paths: Json = {}
    for route in ROUTES:
        operation = document["paths"][route.described][route.method.lower()]
        kept = {
            name: operation[name]
            for name in ("operationId", "parameters", "requestBody", "responses")
            if name in operation
        }
        paths.setdefault(route.described, {})[route.method.lower()] = slim(kept)
    return {
        "openapi": document["openapi"],
        "info": {"version": document["info"]["version"]},
        "paths": paths,
        **closure(document, paths),
    }


def cut_webhooks(document: Json) -> Json:
    """Only the definitions of the events in use."""
    start = {name: {"$ref": f"#/definitions/{name}"} for name in document["definitions"] if name in EVENTS}
    return {"$schema": document["$schema"], **closure(document, start)}


def key_paths(node: Any, path: str = "") -> set[str]:
    """The paths of all keys in an example."""
    if isinstance(node, dict):
        found = {f"{path}.{key}" for key in node}
        return found.union(*(key_paths(value, f"{path}.{key}") for key, value in node.items()))
    if isinstance(node, list):
        return set[str]().union(*(key_paths(value, f"{path}[]") for value in node))
    return set()


def cut_examples(events: list[Json]) -> dict[str, list[str]]:
    """For each event in use, the keys that its example payloads have."""
    wanted = {name.split("$")[0] for name in EVENTS}
    return {event["name"]: sorted(key_paths(event["examples"])) for event in events if event["name"] in wanted}


def cut_graphql(text: str) -> str:
    """Only the selected fields, with the enums, scalars and inputs that they need."""
    document = ast.parse(text)
    by_name = {each.name.value: each for each in document.definitions if hasattr(each, "name") and each.name}
    fields = {**FIELDS, "Mutation": MUTATIONS}
    for mutation in MUTATIONS.split():
        fields[mutation[0].upper() + mutation[1:] + "Payload"] = "*"
    kept: dict[str, Any] = {}
    todo = list(fields)
    while todo:
        name = todo.pop()
        if name in kept or name not in by_name:
            continue
        kept[name] = _cut(by_name[name], fields)
        todo.extend(_named(kept[name]))
    ordered = [ast.print_ast(kept[name]) for name in by_name if name in kept]
    return "\n\n".join(ordered) + "\n"


def _cut(node: Any, fields: dict[str, str]) -> Any:
    options: Json = {"description": None, "directives": ()}
    if isinstance(node, (ast.ObjectTypeDefinitionNode, ast.InterfaceTypeDefinitionNode)):
        wanted = fields.get(node.name.value, "").split()
        chosen = [
            each
            for each in node.fields or ()
            if each.name.value in wanted or (wanted == ["*"] and _type(each.type) in {*fields, *SCALARS})
        ]
        missing = set(wanted) - {each.name.value for each in chosen} - {"*"}
        if missing or not chosen:
            raise SystemExit(f"{node.name.value} has no {missing or 'fields chosen'}")
        options["fields"] = tuple(_plain(each) for each in chosen)
        options["interfaces"] = tuple(each for each in node.interfaces or () if each.name.value in fields)
    elif isinstance(node, ast.UnionTypeDefinitionNode):
        options["types"] = tuple(each for each in node.types or () if each.name.value in fields)
    elif isinstance(node, ast.InputObjectTypeDefinitionNode):
        options["fields"] = tuple(_plain(each) for each in node.fields or ())
    elif isinstance(node, ast.EnumTypeDefinitionNode):
        options["values"] = tuple(_plain(each) for each in node.values or ())
    return _with(node, **options)


SCALARS = frozenset({"String", "Int", "ID", "Boolean", "Float"})


def _plain(node: Any) -> Any:
    options: Json = {"description": None, "directives": ()}
    if isinstance(node, ast.FieldDefinitionNode):
        options["arguments"] = tuple(_plain(each) for each in node.arguments or ())
    return _with(node, **options)


def _with(node: Any, **changes: Any) -> Any:
    values = {key: getattr(node, key, None) for key in node.keys if key != "loc"}
    return type(node)(**{**values, **changes})


def _type(node: Any) -> str:
    while not isinstance(node, ast.NamedTypeNode):
        node = node.type
    return str(node.name.value)


def _named(node: Any) -> list[str]:
    found = []
    for each in getattr(node, "fields", None) or ():
        found.append(_type(each.type))
        found.extend(_type(argument.type) for argument in getattr(each, "arguments", None) or ())
    return found + [each.name.value for each in getattr(node, "types", None) or ()]


def main(arguments: list[str]) -> None:
    """Read the packages under the given node_modules folder and write the cut files."""
    source = Path(arguments[0]) / "@octokit"
    DATA.mkdir(parents=True, exist_ok=True)
    cuts = {
        "openapi.json": cut_openapi(json.loads((source / "openapi/generated/api.github.com.json").read_text())),
        "webhooks.json": cut_webhooks(json.loads((source / "webhooks-schemas/schema.json").read_text())),
        "webhook-keys.json": cut_examples(
            json.loads((source / "webhooks-examples/api.github.com/index.json").read_text())
        ),
    }
    for name, value in cuts.items():
        (DATA / name).write_text(json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n")
    SDL.write_text(cut_graphql((source / "graphql-schema/schema.graphql").read_text()))
    shutil.copyfile(source / "openapi/LICENSE", DATA / "NOTICE")


if __name__ == "__main__":
    main(sys.argv[1:])
