"""`.github/bolide.yaml`: text → RepoConfig; an unknown key is an error naming the key and its place."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.core.errors import Refused
from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe

PATH = ".github/bolide.yaml"
MAX_CHARACTERS = 100_000


class ConfigError(Refused):
    """The configuration cannot be used; one sentence with file, line, column, the thing and the remedy."""


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """What a repository's owner decides; every part has a default."""

    python: str = ""
    cooldown_days: int = 7
    recipe: Recipe = field(default_factory=lambda: Recipe(None, None))
    version_files: tuple[str, ...] = ()


_TRAINING = {"categories": list, "inputs": list, "train": list, "evaluate": list, "gate": list}
_SERVICE = {"categories": list, "inputs": list, "wsgi": str, "ready": str, "version": str, "predict": str}
_RELEASE = {"version_files": list}
_TOP = {"python": str, "cooldown_days": int, "training": _TRAINING, "service": _SERVICE, "release": _RELEASE}
_WSGI = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\(\))?")
_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")


def parse(text: str) -> RepoConfig:
    """The configuration; the empty text gives the defaults. Raises ConfigError."""
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{PATH} has {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ConfigError(f"{PATH} uses a YAML alias (`*name`); write the value out instead.")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{PATH}{place} is not YAML: {getattr(problem, 'problem', 'nested too deep')}.") from problem
    values = _read(root, _TOP, "") if root is not None else {}
    return _config(values)


def _config(values: Mapping[str, Any]) -> RepoConfig:
    python = values.get("python", "")
    if python and not _PYTHON.fullmatch(python):
        raise ConfigError(f'{PATH}: `python` is {python!r}; write a version such as "3.11", in quotes.')
    days = values.get("cooldown_days", 7)
    if not 0 <= days <= 365:
        raise ConfigError(f"{PATH}: `cooldown_days` is {days}; give a number of days from 0 to 365.")
    files = values.get("release", {}).get("version_files", ())
    return RepoConfig(python, days, Recipe(_training(values), _service(values)), tuple(files))


def _training(values: Mapping[str, Any]) -> TrainingRecipe | None:
    if "training" not in values:
        return None
    part = values["training"]
    if not part.get("train"):
        raise ConfigError(f"{PATH}: `training` has no `train`; give the command as a list of words.")
    return TrainingRecipe(
        part.get("categories", ("packages",)),
        part.get("inputs", ()),
        part["train"],
        part.get("evaluate", ()),
        part.get("gate", ()),
    )


def _service(values: Mapping[str, Any]) -> ServiceRecipe | None:
    if "service" not in values:
        return None
    part = values["service"]
    if not _WSGI.fullmatch(part.get("wsgi", "")):
        raise ConfigError(f'{PATH}: `service` needs `wsgi`, such as "app:create_app()" or "wsgi:application".')
    for key in ("ready", "version", "predict"):
        if part.get(key) and not part[key].startswith("/"):
            raise ConfigError(f"{PATH}: `service.{key}` is {part[key]!r}; a path starts with `/`.")
    return ServiceRecipe(
        part.get("categories", ("packages",)),
        part.get("inputs", ()),
        part["wsgi"],
        part.get("ready", ""),
        part.get("version", ""),
        part.get("predict", ""),
    )


def _read(node: Node, known: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The mapping's values, each of the kind that `known` gives for its key."""
    if not isinstance(node, MappingNode):
        raise ConfigError(f"{_place(node)}{path or 'the file'} is not a mapping; write `key: value` lines.")
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}."
            raise ConfigError(f"{_place(key_node)}`{path}{key}` is not a key; {hint}")
        if key in values:
            raise ConfigError(f"{_place(key_node)}`{path}{key}` stands twice; keep one.")
        values[key] = _value(value_node, known[key], f"{path}{key}")
    return values


def _value(node: Node, kind: Any, path: str) -> Any:
    if isinstance(kind, Mapping):
        return _read(node, kind, f"{path}.")
    if kind is list:
        if isinstance(node, SequenceNode) and all(isinstance(item, ScalarNode) for item in node.value):
            return tuple(str(item.value) for item in node.value)
        raise ConfigError(f"{_place(node)}`{path}` is not a list of words; write `[a, b]`.")
    if isinstance(node, ScalarNode) and (kind is str or re.fullmatch(r"\d{1,6}", node.value)):
        return kind(node.value)
    raise ConfigError(f"{_place(node)}`{path}` is not {'a number' if kind is int else 'text'}.")


def _place(node: Node) -> str:
    return f"{PATH} line {node.start_mark.line + 1}, column {node.start_mark.column + 1}: "
