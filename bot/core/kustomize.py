"""The image that a kustomization declares: read and set by digest, every other character left as it is."""

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.core.errors import Refused
from bot.core.yamltext import compose

FILE = "kustomization.yaml"


def image_digest(text: str, image: str, file: str = FILE) -> str | None:
    """The digest (`sha256:…`) that is declared for the image, None where it is a tag or nothing. Raises Refused."""
    digest = _entry(text, image, file).get("digest")
    return str(digest.value) if isinstance(digest, ScalarNode) else None


def set_image_digest(text: str, image: str, digest: str, file: str = FILE) -> str:
    """The text with this digest for the image, in place of the digest or tag that is there. Raises Refused."""
    entry = _entry(text, image, file)
    known = entry.get("digest")
    if isinstance(known, ScalarNode):
        return text[: known.start_mark.index] + digest + text[known.end_mark.index :]
    tag = entry.get("newTag")
    if isinstance(tag, ScalarNode):
        begin = text.rindex("newTag", 0, tag.start_mark.index)
        return f"{text[:begin]}digest: {digest}{text[tag.end_mark.index :]}"
    name = entry["name"]
    after = text[name.end_mark.index :]
    indent = " " * _key_column(text, name)
    return f"{text[: name.end_mark.index]}\n{indent}digest: {digest}{after}"


def _key_column(text: str, value: Node) -> int:
    """The column of the key before a value, in characters."""
    line = text.rindex("\n", 0, value.start_mark.index) + 1
    return text.rindex("name", line, value.start_mark.index) - line


def _entry(text: str, image: str, file: str) -> dict[str, Node]:
    """The keys of the `images` entry that is named so, or renamed to it."""
    for entry in _entries(compose(text, file)):
        named = (entry.get(key) for key in ("newName", "name"))
        if image in [node.value for node in named if isinstance(node, ScalarNode)]:
            return entry
    raise Refused(
        f"{file} declares no image {image}; add it below `images`, as `- name: {image}` with a `digest` of its own."
    )


def _entries(root: Node | None) -> Iterator[dict[str, Node]]:
    images = _mapping(root).get("images")
    for item in images.value if isinstance(images, SequenceNode) else ():
        keys = _mapping(item)
        if "name" in keys:
            yield keys


def _mapping(node: Node | None) -> dict[str, Node]:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return {key.value: value for key, value in pairs if isinstance(key, ScalarNode)}
