"""GitHub's own descriptions as judges: OpenAPI for REST, JSON Schema and example keys for webhooks."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from bot.sandbox.entities import Json
from bot.sandbox.observation import Exchange
from tests.sandbox.cut_schemas import key_paths

DATA = Path(__file__).parents[1] / "data" / "github"


@cache
def openapi() -> Json:
    """The cut OpenAPI description."""
    document: Json = _nullable(json.loads((DATA / "openapi.json").read_text()))
    # The list of installations wants each account to be a user and an enterprise at once; one installation says "or".
    answered = document["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
    account = document["components"]["schemas"]["installation"]["properties"]["account"]
    answered["schema"]["items"]["properties"]["account"] = account
    return document


@cache
def _validator(pointer: str) -> Any:
    document = openapi()
    schema = {"$ref": f"#{pointer}", "components": document["components"], "paths": document["paths"]}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=False)


def _nullable(node: Any, *, names: bool = False) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nullable(value, names=key == "properties" and not names) for key, value in node.items()}
    if names or made.pop("nullable", None) is not True:
        return made
    if isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return {"anyOf": [made, {"type": "null"}]}


def _escape(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _operation(exchange: Exchange) -> Json | None:
    found = openapi()["paths"].get(exchange.template, {}).get(exchange.method.lower())
    return found if isinstance(found, dict) else None


def exchange_problems(exchange: Exchange, *, asked: bool = True) -> list[str]:
    """What is wrong with a request (if that is asked) or an answer, by the official description."""
    name = f"{exchange.method} {exchange.template or exchange.path} → {exchange.status}"
    if exchange.template == "/graphql" or exchange.token == "" or exchange.status == 304:
        return []
    operation = _operation(exchange)
    if operation is None:
        return [f"{name}: not an operation that the sandbox knows"] if exchange.status != 404 else []
    problems = request_problems(exchange, operation) if asked and exchange.status < 400 else []
    return [f"{name}: {problem}" for problem in problems + answer_problems(exchange, operation)]


def request_problems(exchange: Exchange, operation: Json) -> list[str]:
    """Unknown query parameters and body keys, and a body that is not as described."""
    known = {each.get("name") or each["$ref"].rsplit("/", 1)[-1] for each in operation.get("parameters", ())}
    parameters = openapi()["components"].get("parameters", {})
    known |= {parameters[name]["name"] for name in known if name in parameters}
    problems = [f"unknown query parameter {key}" for key, _ in exchange.query if key not in known]
    taken = operation.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in taken:
        return problems
    described = taken.get("application/json")
    if not exchange.request.strip():
        return problems
    if described is None:
        return [*problems, "a body where none is taken"]
    body = json.loads(exchange.request)
    pointer = (
        f"/paths/{_escape(exchange.template)}/{exchange.method.lower()}/requestBody/content/application~1json/schema"
    )
    problems += [f"request {error}" for error in _errors(_validator(pointer), body)]
    if isinstance(body, dict):
        problems += [f"unknown body key {key}" for key in body.keys() - _properties(described["schema"])]
    return problems


def answer_problems(exchange: Exchange, operation: Json) -> list[str]:
    """A status that is not documented, or a body that is not as described."""
    responses = operation["responses"]
    status = str(exchange.status)
    if status not in responses:
        # authentication, limits and bad requests are common to all operations and listed at few
        return (
            []
            if exchange.status in {400, 401, 403, 404, 409, 410, 413, 422, 429} or exchange.status >= 500
            else ["undocumented"]
        )
    response = responses[status]
    pointer = f"/paths/{_escape(exchange.template)}/{exchange.method.lower()}/responses/{status}"
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = openapi()["components"]["responses"][pointer.rsplit("/", 1)[-1]]
    described = response.get("content", {}).get("application/json")
    if described is None or not exchange.content_type.startswith("application/json"):
        return []
    errors = _errors(_validator(f"{pointer}/content/application~1json/schema"), json.loads(exchange.response))
    # The alternatives of some errors overlap in the description itself: one that fits is enough.
    return [f"answer {error}" for error in errors if "is valid under more than one of the schemas" not in error]


def _properties(schema: Json) -> set[str]:
    found = set(schema.get("properties", {}))
    for kind in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(kind, ()):
            found |= _properties(each)
    if "$ref" in schema:
        target: Any = openapi()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        found |= _properties(target)
    return found


def _errors(validator: Any, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[-300:]}" for error in validator.iter_errors(value)
    ][:5]


@cache
def webhook_schemas() -> Json:
    """The cut webhook descriptions."""
    document: Json = json.loads((DATA / "webhooks.json").read_text())
    return document


@cache
def example_keys() -> dict[str, list[str]]:
    """Event → the keys of its official example payloads."""
    document: dict[str, list[str]] = json.loads((DATA / "webhook-keys.json").read_text())
    return document


@cache
def _webhook_validator(name: str) -> Any:
    definitions = webhook_schemas()["definitions"]
    if name not in definitions:
        return None
    return jsonschema_rs.Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})


def webhook_problems(event: str, payload: Json) -> list[str]:
    """What is wrong with a payload, by the official schema and examples; empty when nothing is."""
    name = f"{event}${payload.get('action', 'event')}"
    validator = _webhook_validator(name)
    if validator is None:
        return [f"{name}: not an event that the sandbox knows"]
    problems = [f"webhook {name} {error}" for error in _errors(validator, payload)]
    described = webhook_schemas()["definitions"][name].get("properties", {})
    known = {f".{key}" for key in described} | set(example_keys()[event])
    strange = {path for path in key_paths(payload) if path.count(".") == 1 and path not in known}
    return problems + [f"webhook {name} key {path} is in neither the schema nor an example" for path in sorted(strange)]
