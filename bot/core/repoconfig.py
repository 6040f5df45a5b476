"""`.github/bolide.yaml`: text → RepoConfig; an unknown key is an error naming the key and its place."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.core.errors import Refused
from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe

PATH = ".github/bolide.yaml"
MAX_CHARACTERS = 20_000
MAX_DEPTH = 20


class ConfigError(Refused):
    """The configuration cannot be used; one sentence with file, line, column, the thing and the remedy."""


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """What a repository's owner decides; every part has a default."""

    python: str = ""
    cooldown_days: int = 7
    recipe: Recipe = field(default_factory=lambda: Recipe(None, None))
    version_files: tuple[str, ...] = ()


_WSGI = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\(\))?", re.ASCII)
_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,2})?", re.ASCII)
Check = Callable[[Node, str], Any]


def parse(text: str) -> RepoConfig:
    """The configuration; the empty text gives the defaults. Raises ConfigError."""
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{PATH} has {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    try:
        _check_shape(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise ConfigError(f"{PATH} line {line} has a character that YAML does not allow; take it out.") from problem
    except yaml.MarkedYAMLError as problem:
        raise ConfigError(f"{_at(problem.problem_mark)}this is not YAML: {problem.problem}.") from problem
    if root is None or (isinstance(root, ScalarNode) and not root.value):
        return RepoConfig()
    return _config(_read(root, _TOP, ""))


def _check_shape(text: str) -> None:
    """Refuse what makes the text large or deep when it is read: it is looked at event by event."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{_at(event.start_mark)}this is nested too deep; there is nothing of that kind to set.")
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{_at(event.start_mark)}this is a YAML alias (`*name`); write the value out instead.")


def _config(values: Mapping[str, Any]) -> RepoConfig:
    training, service = values.get("training"), values.get("service")
    recipe = Recipe(
        TrainingRecipe(**_TRAINING_DEFAULTS | training) if training is not None else None,
        ServiceRecipe(**_SERVICE_DEFAULTS | service) if service is not None else None,
    )
    files = values.get("release", {}).get("version_files", ())
    return RepoConfig(values.get("python", ""), values.get("cooldown_days", 7), recipe, files)


def _read(node: Node, known: Mapping[str, Check], path: str) -> dict[str, Any]:
    """The mapping's values, each as the check of its key returns it."""
    if not isinstance(node, MappingNode):
        raise ConfigError(
            f"{_place(node)}{f'`{path}`' if path else 'the file'} is no mapping; write `key: value` lines."
        )
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, known, path)
        if key in values:
            raise ConfigError(f"{_place(key_node)}`{_joined(path, key)}` stands twice; keep one.")
        values[key] = known[key](value_node, _joined(path, key))
    return values


def _key(node: Node, known: Mapping[str, Check], path: str) -> str:
    if not isinstance(node, ScalarNode):
        raise ConfigError(f"{_place(node)}this is no key; known keys: {', '.join(known)}.")
    key = str(node.value)
    if key not in known:
        near = difflib.get_close_matches(key[:80], known, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}."
        shown = _joined(path, re.sub(r"[^\w.-]", "?", key[:80]))
        raise ConfigError(f"{_place(node)}`{shown}` is not a key; {hint}")
    return key


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _text(node: Node, path: str) -> str:
    if isinstance(node, ScalarNode):
        return str(node.value)
    raise ConfigError(f"{_place(node)}`{path}` is no text; write one value after the colon.")


def _words(node: Node, path: str) -> tuple[str, ...]:
    if isinstance(node, SequenceNode) and all(isinstance(item, ScalarNode) and item.value for item in node.value):
        return tuple(str(item.value) for item in node.value)
    raise ConfigError(f"{_place(node)}`{path}` is no list of words; write `[a, b]`.")


def _command(node: Node, path: str) -> tuple[str, ...]:
    words = _words(node, path)
    if not words:
        raise ConfigError(f"{_place(node)}`{path}` is empty; give the command as a list of words.")
    return words


def _python(node: Node, path: str) -> str:
    python = _text(node, path)
    if not _PYTHON.fullmatch(python):
        raise ConfigError(f'{_place(node)}`{path}` is {python[:20]!r}; write a version such as "3.11", in quotes.')
    return python


def _days(node: Node, path: str) -> int:
    days = _text(node, path)
    if not re.fullmatch(r"\d{1,3}", days, re.ASCII) or int(days) > 365:
        raise ConfigError(f"{_place(node)}`{path}` is {days[:20]!r}; give a number of days from 0 to 365.")
    return int(days)


def _wsgi(node: Node, path: str) -> str:
    target = _text(node, path)
    if not _WSGI.fullmatch(target):
        form = '"app:create_app()" or "wsgi:application"'
        raise ConfigError(f"{_place(node)}`{path}` is {target[:80]!r}; write a module and what it has, such as {form}.")
    return target


def _route(node: Node, path: str) -> str:
    route = _text(node, path)
    if route and not route.startswith("/"):
        raise ConfigError(f"{_place(node)}`{path}` is {route[:80]!r}; a path starts with `/`.")
    return route


def _section(known: Mapping[str, Check], needed: str = "", example: str = "") -> Check:
    """The check of a section; one that lacks the needed key is refused."""

    def check(node: Node, path: str) -> dict[str, Any]:
        values = _read(node, known, path)
        if needed and needed not in values:
            raise ConfigError(f"{_place(node)}`{path}` has no `{needed}`; give it one, such as `{example}`.")
        return values

    return check


def _place(node: Node) -> str:
    return _at(node.start_mark)


def _at(mark: Any) -> str:
    return f"{PATH} line {mark.line + 1}, column {mark.column + 1}: "


_TRAINING = {"categories": _words, "inputs": _words, "train": _command, "evaluate": _words, "gate": _words}
_TRAINING_DEFAULTS = {"categories": ("packages",), "inputs": (), "evaluate": (), "gate": ()}
_SERVICE = {
    "categories": _words,
    "inputs": _words,
    "wsgi": _wsgi,
    "ready": _route,
    "version": _route,
    "predict": _route,
}
_SERVICE_DEFAULTS = {"categories": ("packages",), "inputs": (), "ready": "", "version": "", "predict": ""}
_TOP: Mapping[str, Check] = {
    "python": _python,
    "cooldown_days": _days,
    "training": _section(_TRAINING, "train", "train: [python, train.py]"),
    "service": _section(_SERVICE, "wsgi", 'wsgi: "app:create_app()"'),
    "release": _section({"version_files": _words}),
}
