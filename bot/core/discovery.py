"""Finds the WSGI service of a repository that does not say where it is."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from bot.core.recipe import Recipe, ServiceRecipe

_FILES = ("wsgi.py", "app.py", "application.py", "main.py", "server.py", "run.py")
_OBJECTS, _FACTORIES = ("application", "app"), ("create_app", "make_app")
_NOT_THE_SERVICE = {
    "tests",
    "test",
    "docs",
    "doc",
    "examples",
    "example",
    "migrations",
    "node_modules",
    "site-packages",
}
_WSGI_SIGNS = re.compile(r"\b(?:Flask|flask|WSGI|wsgi|bottle|falcon|pyramid|connexion|dash|quart|create_app)\b")
_ASGI_SIGNS = re.compile(r"\b(?:FastAPI|Starlette|get_asgi_application|Quart|Sanic)\b")
_MAX_FILES = 200


def find_service(files: Iterable[str], read: Callable[[str], str]) -> str | None:
    """The WSGI target (`module:attribute` or `module:factory()`) of the likeliest file, None where there is none.

    `files` are paths relative to the repository, `read` gives the text of one.
    """
    for path in likely(files)[:_MAX_FILES]:
        target = _target(path, read(path))
        if target:
            return target
    return None


def likely(files: Iterable[str]) -> tuple[str, ...]:
    """The paths that a service may be in, the likeliest first."""
    ranked = sorted((rank, path) for path in files if (rank := _rank(path)) is not None)
    return tuple(path for _, path in ranked)


def with_service_found(recipe: Recipe, files: Iterable[str], read: Callable[[str], str]) -> Recipe:
    """The recipe, with the service that was found where it names none."""
    target = None if recipe.service else find_service(files, read)
    if target is None:
        return recipe
    return replace(recipe, service=ServiceRecipe(("packages",), (), target, "", "", ""))


def _rank(path: str) -> tuple[int, int, str] | None:
    """Smaller is likelier: the root before a package before src/, wsgi.py before app.py before a package itself."""
    parts = path.split("/")
    inside = parts[1:] if parts[0] == "src" else parts
    if not 1 <= len(inside) <= 2 or any(p in _NOT_THE_SERVICE or not p.split(".")[0].isidentifier() for p in inside):
        return None
    if inside[-1] in _FILES:
        return (len(parts), _FILES.index(inside[-1]), path)
    if inside[-1] == "__init__.py" and len(inside) == 2:
        # A package called app or application is as good as app.py; any other comes after the named files.
        named = inside[0] in ("app", "application")
        return (1 if named else len(parts), len(_FILES), path)
    return None


def _target(path: str, text: str) -> str | None:
    if _ASGI_SIGNS.search(text) or not (path.endswith("wsgi.py") or _WSGI_SIGNS.search(text)):
        return None
    objects, factories = _bound(text)
    module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for name in (*_OBJECTS, *_FACTORIES):
        if name in objects:
            return f"{module}:{name}"
        if name in factories and name in _FACTORIES:
            return f"{module}:{name}()"
    return None


def _bound(text: str) -> tuple[set[str], set[str]]:
    """The names that a module binds to objects, and to functions that need no argument."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        # It will fail on import, and that is to be seen: the names are taken from the lines instead.
        return set(re.findall(r"^(\w+)\s*=", text, re.MULTILINE)), set(re.findall(r"^def (\w+)\(", text, re.MULTILINE))
    objects: set[str] = set()
    factories: set[str] = set()
    for statement in _executed(tree.body):
        match statement:
            case ast.Assign(targets=targets):
                objects |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                objects.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                imported = {alias.asname or alias.name for alias in names}
                factories |= imported & set(_FACTORIES)
                objects |= imported - set(_FACTORIES)
            case ast.FunctionDef(name=name, args=arguments) if _needs_nothing(arguments):
                factories.add(name)
            case ast.FunctionDef(name=name, args=ast.arguments(args=[_, _])):
                objects.add(name)  # def application(environ, start_response)
    return objects, factories


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import, those in blocks too."""
    for statement in body:
        match statement:
            case ast.If(test=test) if "__name__" in ast.dump(test):
                continue
            case ast.If(body=inner) | ast.Try(body=inner) | ast.With(body=inner):
                yield from _executed(inner)
            case _:
                yield statement


def _needs_nothing(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return len(arguments.defaults) >= positional and all(arguments.kw_defaults)
