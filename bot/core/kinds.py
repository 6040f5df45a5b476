"""The kinds of values that a configuration key may have: each reads a node, and describes itself as JSON Schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.core.yamltext import Spot

_NULL, _TEXT, _BOOL = (f"tag:yaml.org,2002:{name}" for name in ("null", "str", "bool"))
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
Schema = Mapping[str, Any]


class Kind(Protocol):
    """What a value must be."""

    def read(self, node: Node, spot: Spot) -> Any:
        """The value. Raises ConfigError with the remedy."""

    def schema(self) -> Schema:
        """The JSON Schema that admits the same values."""


def text_of(node: Node, spot: Spot) -> str:
    """The text of a scalar, as it is written. Raises ConfigError."""
    if isinstance(node, ScalarNode):
        return str(node.value)
    raise spot.error(node, "is no text; write one value after the colon.")


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a form: `pattern` in the subset that Python and JSON Schema read alike, `remedy` says what to write."""

    pattern: str
    remedy: str

    def read(self, node: Node, spot: Spot) -> str:
        """The text."""
        text = text_of(node, spot)
        if node.tag != _TEXT:
            raise spot.error(node, f"is {text[:80]!r}, which YAML does not take for text; put it in quotes.")
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise spot.error(node, f"is {text[:80]!r}; {self.remedy}")
        return text

    def schema(self) -> Schema:
        """A string of this form."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Plain:
    """A word or number, as it is written."""

    def read(self, node: Node, spot: Spot) -> str:
        """The text."""
        text = text_of(node, spot)
        if not _is_word(node):
            raise spot.error(node, "is empty; write one value after the colon.")
        return text

    def schema(self) -> Schema:
        """A scalar that is not empty."""
        return {"type": ["string", "number", "boolean"], "minLength": 1}


@dataclass(frozen=True, slots=True)
class PythonVersion:
    """A version of Python; where the quotes are forgotten it counts as it is written, 3.10 and not 3.1."""

    def read(self, node: Node, spot: Spot) -> str:
        """The version as text."""
        text = text_of(node, spot)
        if not re.fullmatch(r"3\.[1-9][0-9]?(\.[0-9]{1,2})?", text, re.ASCII):
            raise spot.error(node, f'is {text[:20]!r}; write a version such as "3.11", in quotes.')
        return text

    def schema(self) -> Schema:
        """A string, or a number with two decimals at most."""
        quoted = {"type": "string", "pattern": r"^3\.[1-9][0-9]?(\.[0-9]{1,2})?$"}
        bare = {"type": "number", "exclusiveMinimum": 3, "exclusiveMaximum": 4, "multipleOf": 0.01}
        return {"anyOf": [quoted, bare]}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, of `unit`."""

    low: int
    high: int
    unit: str = ""

    def read(self, node: Node, spot: Spot) -> int:
        """The number."""
        text = text_of(node, spot)
        digits = re.fullmatch(r"([0-9]{1,16})(?:\.0)?", text, re.ASCII)
        if not digits or getattr(node, "style", None) or not self.low <= int(digits[1]) <= self.high:
            of = f" of {self.unit}" if self.unit else ""
            raise spot.error(node, f"is {text[:20]!r}; give a number{of} from {self.low} to {self.high}.")
        return int(digits[1])

    def schema(self) -> Schema:
        """An integer within the bounds."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Day:
    """A day as 2027-01-31, with quotes or without."""

    def read(self, node: Node, spot: Spot) -> str:
        """The day as it is written."""
        text = text_of(node, spot)
        if not re.fullmatch(_DAY, text, re.ASCII):
            raise spot.error(node, f"is {text[:20]!r}; write a day such as 2027-01-31.")
        return text

    def schema(self) -> Schema:
        """A string of this form."""
        return {"type": "string", "pattern": f"^(?:{_DAY})$"}


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    def read(self, node: Node, spot: Spot) -> bool:
        """The truth of it."""
        text = text_of(node, spot)
        if node.tag != _BOOL:
            raise spot.error(node, f"is {text[:20]!r}; write `true` or `false`.")
        return text.lower() in ("true", "yes", "on")

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]

    def read(self, node: Node, spot: Spot) -> str:
        """The word; a foreign file may write it in capitals."""
        text = text_of(node, spot).lower() if spot.foreign else text_of(node, spot)
        if text not in self.words:
            raise spot.error(node, f"is {text[:40]!r}; choose one of {', '.join(self.words)}.")
        return text

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words, at least so many of them."""

    least: int = 0

    def read(self, node: Node, spot: Spot) -> tuple[str, ...]:
        """The words in order; a number counts as it is written."""
        if not isinstance(node, SequenceNode) or not all(map(_is_word, node.value)):
            raise spot.error(node, "is no list of words; write `[a, b]`.")
        if len(node.value) < self.least:
            raise spot.error(node, "is empty; give it as a list of words.")
        return tuple(str(item.value) for item in node.value)

    def schema(self) -> Schema:
        """An array of scalars that are not empty."""
        return {"type": "array", "items": Plain().schema(), "minItems": self.least}


def _is_word(node: Node) -> bool:
    return isinstance(node, ScalarNode) and bool(node.value) and node.tag != _NULL


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of values of one kind."""

    kind: Kind

    def read(self, node: Node, spot: Spot) -> tuple[Any, ...]:
        """The values in order."""
        if not isinstance(node, SequenceNode):
            raise spot.error(node, "is no list; begin each item on a line of its own with `- `.")
        return tuple(self.kind.read(item, spot.item(number)) for number, item in enumerate(node.value))

    def schema(self) -> Schema:
        """An array."""
        return {"type": "array", "items": self.kind.schema()}


WSGI = Text(
    r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*(\(\))?",
    'write a module and what it has, such as "app:create_app()" or "wsgi:application".',
)
HOST = Text(
    r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?",
    "write the host's name without https://, such as thoth.example.org.",
)
IMAGE = Text(
    r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*){1,8}",
    "write a repository without tag or digest, such as registry.example.org/team/name.",
)
ROUTE = Text(r"(/.*)?", "a path starts with `/`.")
REPOSITORY = Text(
    r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}",
    "write OWNER/NAME, such as ada/environments.",
)
BRANCH = Text(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", "write the branch's name, such as main or env/prod."
)
FOLDER = Text(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", "write a folder of the repository, such as overlays."
)
