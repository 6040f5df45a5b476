"""Markdown as people and bots write it, made into HTML that can do no harm."""

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

HARMLESS = re.compile(r"&lt;(/?(?:details|summary|sub|sup|kbd|br|b|i|em|strong|code|p|picture)|details open|br ?/)&gt;")
REMARK = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def _raw(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    """Raw HTML: escaped, but for a few bare tags without attributes; remarks are left out."""
    return HARMLESS.sub(r"<\1>", html.escape(REMARK.sub("", tokens[at].content), quote=False))


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
    return reader


READER = _reader()


def render(text: str | None) -> Markup:
    """The HTML of a Markdown text."""
    return Markup(READER.render(text or ""))  # noqa: S704 (the renderer escapes all but the tags named above)
