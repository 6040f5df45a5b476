"""Versions in YAML and JSON files: CITATION.cff, OpenAPI descriptions, Helm charts, Kustomize labels, package.json."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.core.errors import Refused
from bot.core.places.span import Place

MAX_DEPTH = 60
_LABEL = "app.kubernetes.io/version"
_MAPS = ("labels", "commonLabels", "commonAnnotations", "pairs", "metadata", "template", "spec", "selector")
Keys = Callable[[str, Any], Iterator[tuple[str, Node]]]


def find(path: str, text: str) -> list[Place]:
    """The versions in the file; raises Refused where it is not YAML or JSON."""
    plain = text.removeprefix("\ufeff")
    shift = len(text) - len(plain)
    # YAML takes no tabs between tokens, JSON does; a space for each keeps every position.
    readable = re.sub(r"^\t+", lambda tabs: " " * len(tabs[0]), plain, flags=re.MULTILINE) if _is_json(path) else plain
    try:
        _check_shape(path, readable)
        documents = list(yaml.compose_all(readable, Loader=yaml.SafeLoader))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise Refused(f"{path}{line} is not {_kind(path)} that can be read; correct it before a release.") from problem
    return [
        place
        for document in documents
        for name, node in _nodes(path, document)
        if (place := _place(f"{path} {name}", node, readable, shift))
    ]


def _check_shape(path: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            raise Refused(f"{path} is nested too deep or has YAML aliases; Bolide does not rewrite such a file.")


def _is_json(path: str) -> bool:
    return path.endswith((".json", ".jsonld"))


def _kind(path: str) -> str:
    return "JSON" if _is_json(path) else "YAML"


def _nodes(path: str, document: Node) -> Iterator[tuple[str, Node]]:
    """The nodes that hold a version, by the kind of file."""
    file = path.rpartition("/")[2].lower()
    if file == "chart.yaml":
        keys: Sequence[tuple[str, ...]] = (("appVersion",),)
    elif "openapi" in file or "swagger" in file:
        keys = (("info", "version"),)
    elif file in ("citation.cff", "package.json", "codemeta.json", "publiccode.yml", "galaxy.yml"):
        keys = (("version",),) if file != "publiccode.yml" else (("softwareVersion",),)
    else:
        yield from _labels(document)
        return
    for key in keys:
        if (node := _at(document, key)) is not None:
            yield ".".join(key), node


def _labels(node: Node) -> Iterator[tuple[str, Node]]:
    """The version labels of Kubernetes' objects and of a kustomization."""
    match node:
        case MappingNode():
            for key, value in node.value:
                if key.value == _LABEL:
                    yield _LABEL, value
                elif key.value in _MAPS:
                    yield from _labels(value)
        case SequenceNode():
            for item in node.value:
                yield from _labels(item)
        case _:
            return


def _at(node: Node | None, key: Sequence[str]) -> Node | None:
    for name in key:
        entries = node.value if isinstance(node, MappingNode) else ()
        node = next((value for known, value in entries if known.value == name), None)
    return node


def _place(name: str, node: Node, text: str, shift: int) -> Place | None:
    """The inside of a scalar, between its quotes."""
    if not isinstance(node, ScalarNode) or node.style not in (None, "'", '"') or not node.value:
        return None
    quotes = 1 if node.style else 0
    start, end = node.start_mark.index + quotes, node.end_mark.index - quotes
    return Place(name, node.value, start + shift, end + shift) if text[start:end] == node.value else None
