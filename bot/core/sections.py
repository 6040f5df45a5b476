"""A section of the configuration is a dataclass whose fields are the keys: type, kind and description, then default.

`python: Annotated[str, PythonVersion(), "what it is for"] = ""` is one key: the parser, the JSON Schema and the
table in docs/configuration.md are all made from that line.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from bot.core.kinds import Kind, Listed, Schema
from bot.core.yamltext import ConfigError, Spot, shown


@dataclass(frozen=True, slots=True)
class Needed:
    """Marks a key that its section cannot be without; the example is shown to who left it out."""

    example: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the field says it."""

    name: str
    kind: Kind
    description: str
    default: Any
    needed: Needed | None

    @property
    def field(self) -> str:
        """The name of the dataclass's field."""
        return self.name.replace("-", "_")


def keys(section: type[Any]) -> tuple[Key, ...]:
    """The keys of a section in their order."""
    hyphens = getattr(section, "HYPHENATED", False)
    return tuple(_key(field, field.name.replace("_", "-") if hyphens else field.name) for field in fields(section))


def _key(field: Any, name: str) -> Key:
    kind, description, *needed = field.type.__metadata__
    default = field.default_factory() if field.default is MISSING else field.default
    return Key(name, kind, description, default, needed[0] if needed else None)


def read(section: type[Any], node: Node, spot: Spot) -> dict[str, Any]:
    """The values of the keys that are set, by the names of the section's fields. Raises ConfigError."""
    if not isinstance(node, MappingNode):
        what = f"`{spot.key}`" if spot.key else "the file"
        raise ConfigError(spot.sentence(node, f"{what} is no mapping; write `key: value` lines."))
    known = {key.name: key for key in keys(section)}
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _known(key_node, known, spot)
        if key is None:
            continue
        if key.field in values:
            raise spot.below(key.name).error(key_node, "stands twice; keep one.")
        values[key.field] = key.kind.read(value_node, spot.below(key.name))
    for key in known.values():
        if key.needed and key.field not in values:
            example = f"{key.name}: {key.needed.example}"
            raise spot.error(node, f"has no `{key.name}`; give it one, such as `{example}`.")
    return values


def _known(node: Node, known: Mapping[str, Key], spot: Spot) -> Key | None:
    """The key that the node names; None where it is noted as unknown."""
    if not isinstance(node, ScalarNode):
        raise ConfigError(spot.sentence(node, f"this is no key; known keys: {', '.join(known)}."))
    name = str(node.value)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name[:80], known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}."
    sentence = spot.sentence(node, f"`{spot.below(shown(name)).key}` is not a key; {hint}")
    if not spot.foreign:
        raise ConfigError(sentence)
    spot.noted.append(sentence)
    return None


@dataclass(frozen=True, slots=True)
class Section:
    """The kind of a key that has keys of its own."""

    of: type[Any]

    def read(self, node: Node, spot: Spot) -> Any:
        """The section's dataclass."""
        return self.of(**read(self.of, node, spot))

    def schema(self) -> Schema:
        """An object with these keys and no others."""
        found = keys(self.of)
        needed = [key.name for key in found if key.needed]
        return {
            "type": "object",
            "properties": {key.name: _described(key) for key in found},
            "additionalProperties": False,
            **({"required": needed} if needed else {}),
        }


def _described(key: Key) -> Schema:
    default = {} if key.needed or isinstance(key.kind, Section) else {"default": _plain(key.default)}
    return {"description": key.description, **default, **key.kind.schema()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def table(section: type[Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Name (dotted), default as Markdown shows it and description of every key, sections opened."""
    for key in keys(section):
        name = f"{prefix}{key.name}"
        kind, suffix = (key.kind.kind, "[]") if isinstance(key.kind, Listed) else (key.kind, "")
        inner = isinstance(kind, Section)
        yield name, "must be given" if key.needed else "" if inner else _shown(key.default), key.description
        if isinstance(kind, Section):
            yield from table(kind.of, f"{name}{suffix}.")


def _shown(default: Any) -> str:
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`[{', '.join(map(str, default))}]`"
        case "" | None:
            return ""
        case _:
            return f"`{default}`"
