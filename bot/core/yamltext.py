"""YAML text → nodes that know their place, so that what is wrong is said with file, line, column and key."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml.nodes import Node, ScalarNode

from bot.core.errors import Refused

MAX_CHARACTERS = 20_000
MAX_DEPTH = 20


class ConfigError(Refused):
    """The configuration cannot be used; one sentence with file, line, column, the thing and the remedy."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: the file and the key, dotted; an unknown key of a `foreign` file is only `noted`."""

    file: str
    key: str = ""
    foreign: bool = False
    noted: list[str] = field(default_factory=list, compare=False)

    def below(self, key: str) -> "Spot":
        """The spot of a key of the mapping here."""
        return replace(self, key=f"{self.key}.{key}" if self.key else key)

    def item(self, number: int) -> "Spot":
        """The spot of an item of the list here, from 0."""
        return replace(self, key=f"{self.key}[{number}]")

    def sentence(self, node: Node, problem: str) -> str:
        """The problem with its file, line and column before it."""
        return f"{at(self.file, node.start_mark)}{problem}"

    def error(self, node: Node, problem: str) -> ConfigError:
        """The problem with this key, to raise."""
        return ConfigError(self.sentence(node, f"`{self.key}` {problem}"))


def at(file: str, mark: Any) -> str:
    """The place in front of a sentence."""
    return f"{file} line {mark.line + 1}, column {mark.column + 1}: "


def compose(text: str, file: str) -> Node | None:
    """The root node, None where the text says nothing. Raises ConfigError."""
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{file} has {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    try:
        _check_shape(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise ConfigError(f"{file} line {line} has a character that YAML does not allow; take it out.") from problem
    except yaml.MarkedYAMLError as problem:
        raise ConfigError(f"{at(file, problem.problem_mark)}this is not YAML: {problem.problem}.") from problem
    return None if root is None or (isinstance(root, ScalarNode) and not root.value) else root


def _check_shape(text: str, file: str) -> None:
    """Refuse what makes the text large or deep when it is read: it is looked at event by event."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"{at(file, event.start_mark)}this is nested too deep; there is nothing of that kind to set."
            )
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(
                f"{at(file, event.start_mark)}this is a YAML alias (`*name`); write the value out instead."
            )


def shown(key: str) -> str:
    """A key that somebody wrote, short and without what could mean something in Markdown."""
    return re.sub(r"[^\w.-]", "?", key[:80])


def shown_value(value: str) -> str:
    """A value that somebody wrote, as code in Markdown."""
    return f"`{re.sub(r'[^ -~]|`', '?', value[:120])}`"
