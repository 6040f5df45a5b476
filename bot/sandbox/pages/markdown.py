"""Markdown as people and bots write it, made into HTML that can do no harm."""

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

HARMLESS = re.compile(r"&lt;(/?(?:details|summary|sub|sup|kbd|br|b|i|em|strong|code|p|picture)|details open|br ?/)&gt;")
REFERENCE = re.compile(r"(?<![\w&/#])#([1-9][0-9]{0,8})\b")
REMARK = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def _raw(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    """Raw HTML: escaped, but for a few bare tags without attributes; remarks are left out."""
    return HARMLESS.sub(r"<\1>", html.escape(REMARK.sub("", tokens[at].content), quote=False))


def _text(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, env: Any) -> str:
    """Words, with references to issues as links outside of other links."""
    words, place = html.escape(tokens[at].content), env.get("place")
    depth = sum({"link_open": 1, "link_close": -1}.get(token.type, 0) for token in tokens[:at])
    if not place or depth:
        return words
    return REFERENCE.sub(rf'<a href="{html.escape(place)}/issues/\1">#\1</a>', words)


def _image(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    """An image: shown when it is in the text itself, else a link, since pages load nothing from elsewhere."""
    source, text = str(tokens[at].attrs.get("src", "")), html.escape(tokens[at].content or "image")
    if source.startswith("data:image/"):
        return f'<img src="{html.escape(source)}" alt="{text}">'
    return f'<a href="{html.escape(source)}" rel="nofollow noreferrer">{text}</a>'


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for name in ("html_block", "html_inline"):
        reader.add_render_rule(name, _raw)
    reader.add_render_rule("image", _image)
    reader.add_render_rule("text", _text)
    return reader


READER = _reader()


def render(text: str | None, place: str = "") -> Markup:
    """The HTML of a Markdown text; with the path of a repository, `#12` links to its issue or pull request."""
    return Markup(READER.render(text or "", {"place": place}))  # noqa: S704 (only the tags named above are left alive)
