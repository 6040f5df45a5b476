"""`POST /api/graphql`: parse, validate, execute, and GitHub's form of errors."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import graphql
from aiohttp import web

from bot.sandbox.calls import SERVICES, Services, answer
from bot.sandbox.entities import Json
from bot.sandbox.errors import ApiError, not_found, unauthorized
from bot.sandbox.forge import Actor
from bot.sandbox.frame import framed, json_body
from bot.sandbox.graph import nodes
from bot.sandbox.graph.mutations import MUTATIONS
from bot.sandbox.graph.view import Node, View, actor

SDL = Path(__file__).parents[1] / "schema.graphql"


@cache
def schema() -> graphql.GraphQLSchema:
    """The cut official schema; arguments reach the resolvers in snake case."""
    built = graphql.build_schema(SDL.read_text())
    for kind in built.type_map.values():
        if isinstance(kind, graphql.GraphQLInputObjectType):
            for name, field in kind.fields.items():
                field.out_name = _snake(name)
        elif isinstance(kind, (graphql.GraphQLObjectType, graphql.GraphQLInterfaceType)):
            for member in kind.fields.values():
                for name, argument in member.args.items():
                    argument.out_name = _snake(name)
    return built


async def serve(request: web.Request) -> web.StreamResponse:
    """The answer to one GraphQL request: 200, also with errors."""
    services = request.app[SERVICES]
    given = await json_body(request) if request.can_read_body else {}
    names, kind = operation_of(given)

    async def work(who: Actor | None) -> web.StreamResponse:
        if who is None or who.kind == "app":
            raise unauthorized("This endpoint requires you to be authenticated.")
        return answer(await execute(View(services, who), given))

    return await framed(services, request, "/graphql", work, operation=",".join(names), creates=kind == "mutation")


def operation_of(given: Json) -> tuple[list[str], str]:
    """The names of the operation and its top-level fields, and whether it queries or mutates."""
    try:
        document = graphql.parse(str(given.get("query", "")))
    except graphql.GraphQLError:
        return [], "query"
    names: list[str] = []
    kind = "query"
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            kind = definition.operation.value
            chosen = definition.selection_set.selections
            names += [each.name.value for each in chosen if isinstance(each, graphql.FieldNode)]
            names += [definition.name.value] if definition.name else []
    return names, kind


async def execute(view: View, given: Json) -> Json:
    """The `data` and `errors` of a request."""
    result = graphql.graphql(
        schema(),
        str(given.get("query", "")),
        root_value=root(view),
        variable_values=given.get("variables") or {},
        operation_name=given.get("operationName"),
    )
    done = await result
    body: Json = {"data": done.data} if done.data is not None or not done.errors or done.errors[0].path else {}
    if done.errors:
        body["errors"] = [_error(error) for error in done.errors]
    return body


def root(view: View) -> Node:
    """The fields of Query and Mutation."""

    def mutation(name: str) -> Any:
        async def run(_info: Any, **arguments: Any) -> Node:
            given = arguments["input"]
            made = await MUTATIONS[name](view, given)
            return {**made, "clientMutationId": given.get("client_mutation_id")}

        return run

    def repository(_info: Any, owner: str, name: str, follow_renames: object = None) -> Node:
        del follow_renames
        found = view.forge.repository(f"{owner}/{name}")
        if found is None or not view.readable(found):
            raise not_found(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return nodes.repository(view, found)

    def user(_info: Any, login: str) -> Node:
        found = view.forge.user_named(login)
        if found is None:
            raise not_found(f"Could not resolve to a User with the login of '{login}'.")
        return actor(view.forge, found)

    async def several(_info: Any, ids: list[str]) -> list[Node | None]:
        return [await nodes.node(view, identity) for identity in ids]

    return {
        "id": "Q",
        "repository": repository,
        "user": user,
        "viewer": lambda _info: actor(view.forge, view.actor.user),
        "node": lambda _info, **arguments: nodes.node(view, arguments["id"]),
        "nodes": several,
        "rateLimit": lambda _info, **_: _rate_limit(view.services, view.actor),
        **{name: mutation(name) for name in MUTATIONS},
    }


def _rate_limit(services: Services, who: Actor) -> Node:
    key = f"installation:{who.installation.id}" if who.installation else f"{who.kind}:{who.user.id}"
    usage, limit = services.limits.usage(key), services.limits.allowance.per_hour
    return {
        "cost": 1,
        "limit": limit,
        "remaining": max(0, limit - usage.used),
        "used": usage.used,
        "resetAt": services.forge.later(max(0, int(usage.reset - services.forge.clock().timestamp()))),
        "nodeCount": 0,
    }


def _error(error: graphql.GraphQLError) -> Json:
    formatted: Json = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, ApiError):
        message = cause.errors[0].get("message") if cause.errors else None
        return {"type": cause.kind, **formatted, "message": message or cause.message}
    if cause is not None and not isinstance(cause, graphql.GraphQLError):
        raise cause
    return formatted


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), name)
