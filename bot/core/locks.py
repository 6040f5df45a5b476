"""What an environment's files say, whatever their kind, and the text of its next lock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.core import changes, interpreter, lockfile, pipfile, requirementstxt, uvproject
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.packages import Resolution
from bot.core.pipfile import Pipfile
from bot.core.ports import Snapshot
from bot.core.recipe import Recipe
from bot.core.uvproject import UvFiles

_ANY_PYTHON = "3.11"
"""For what is installed where nothing names a Python."""


@dataclass(frozen=True, slots=True)
class Today:
    """What is wanted, and today's lock as it is written and in the form of a Pipfile.lock's document (None: no lock).

    `wanted_python` and `locked_python` are the Pythons that manifest and lock name, empty where they name none.
    """

    wanted: Pipfile
    text: str
    lock: Mapping[str, Any] | None
    wanted_python: str
    locked_python: str
    uv: UvFiles | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A lock as it is written, and in the form of a Pipfile.lock's document."""

    text: str
    lock: Mapping[str, Any]


def read(environment: Environment, project: Snapshot, allowed_hosts: frozenset[str]) -> Today:
    """The environment's files as values; raises Refused with place and remedy."""
    manifest, text = project.text(environment.manifest), project.text(environment.lock)
    try:
        if environment.kind == "requirements":
            wanted = requirementstxt.parse_in(manifest, environment.manifest, allowed_hosts)
            pins = requirementstxt.parse_lock(text, wanted, environment.lock)
            return Today(wanted, text, pins, "", requirementstxt.locked_for(text))
        if environment.kind == "uv":
            return _read_uv(environment, manifest, text, allowed_hosts)
        wanted = pipfile.parse(manifest, allowed_hosts)
        lock = lockfile.parse(text) if text else None
        return Today(wanted, text, lock, pipfile.python_of(wanted), interpreter.locked_for(lock))
    except ValueError as problem:
        raise Refused(str(problem)) from problem


def _read_uv(environment: Environment, manifest: str, text: str, allowed_hosts: frozenset[str]) -> Today:
    wanted, project, settings, unversioned = uvproject.parse(manifest, environment.manifest, allowed_hosts)
    python = uvproject.python_of(manifest)
    lock, _ = uvproject.parse_lock(text, wanted, python or _ANY_PYTHON, environment.lock)
    return Today(wanted, text, lock, python, "", UvFiles(project, settings, text, unversioned))


def write(environment: Environment, today: Today, found: Resolution, python: str) -> Made:
    """The lock that was found, as a file of the environment's kind."""
    if environment.kind == "requirements":
        style = requirementstxt.style(today.text)
        text = requirementstxt.render(found.lock, today.wanted, found.required_by, style, python)
        return Made(text, requirementstxt.parse_lock(text, today.wanted, environment.lock))
    if environment.kind == "uv":
        return Made(found.lock_text, found.lock)
    return Made(found.lock_text, lockfile.parse(found.lock_text))


def remarks(environment: Environment, today: Today) -> tuple[str, ...]:
    """That today's Pipfile.lock was made for another Pipfile, where it was."""
    if environment.kind != "pipfile" or today.lock is None or changes.is_current(today.wanted, today.lock):
        return ()
    return (f"Today's {environment.lock} was made for another {environment.manifest}; `pipenv verify` fails with it.",)


def is_as_good(environment: Environment, today: Today, made: Made) -> bool:
    """Whether today's lock, at the same versions, is one for its manifest, with all the hashes that it should have."""
    if today.lock is None:
        return False
    if environment.kind == "uv":
        return uvproject.project_of(today.text) == uvproject.project_of(made.text)
    if environment.kind == "requirements":
        return not requirementstxt.style(today.text).hashes or changes.is_whole(today.lock, made.lock)
    return changes.is_current(today.wanted, today.lock) and changes.is_whole(today.lock, made.lock)


def installable(environment: Environment, project: Snapshot, allowed_hosts: frozenset[str]) -> str:
    """The lock as the text of a Pipfile.lock, which is what the laboratory installs; raises Refused."""
    if environment.kind == "pipfile":
        return project.text(environment.lock)
    today = read(environment, project, allowed_hosts)
    if environment.kind == "requirements" and not requirementstxt.style(today.text).hashes:
        raise Refused(f"{environment.lock} has no hashes, so it is not installed; compile it with --generate-hashes.")
    return lockfile.render(today.lock or {})


def fitting(recipe: Recipe, lock: str) -> Recipe:
    """The recipe with those categories alone that the lock has, `packages` where it has none of them."""
    has = lockfile.parse(lock) if lock else {}

    def kept(categories: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in categories if lockfile.lock_section(name) in has) or ("packages",)

    training = recipe.training and replace(recipe.training, categories=kept(recipe.training.categories))
    service = recipe.service and replace(recipe.service, categories=kept(recipe.service.categories))
    return Recipe(training, service)
