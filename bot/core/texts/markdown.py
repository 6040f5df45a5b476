"""Pieces of Markdown: named sections that can be replaced, table cells, and foreign text made harmless."""

import re
from collections.abc import Iterable, Sequence

from bot.core.errors import Refused

MAX_CHARACTERS = 60_000
_LIVE = re.compile(r"([@#])(?=[\w-])")
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
_HIDDEN = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def section(name: str, text: str) -> str:
    """The text between two hidden marks, so that `replace` finds it again."""
    return f"<!-- bolide:{name} -->\n{text}\n<!-- /bolide:{name} -->"


def read_section(body: str, name: str) -> str | None:
    """The text of a named section, or None where the body has lost it."""
    found = _section(name).search(body)
    return found["text"] if found else None


def replace_section(body: str, name: str, text: str) -> str:
    """The body with the section's text exchanged; raises Refused where a person took the section out."""
    if read_section(body, name) is None:
        raise Refused(f"The pull request's text has lost its section `{name}`; close it and comment `/update`.")
    return _section(name).sub(lambda _: section(name, text), body, count=1)


def harmless(text: str) -> str:
    """Foreign text as plain words: no markup, mention, reference, hidden or direction-changing character."""
    shown = _MARKUP.sub(r"\\\1", _HIDDEN.sub("", text).replace("\n", " "))
    return _LIVE.sub("\\1\u200b", shown).replace("://", ":\u200b//")


def fenced(text: str) -> str:
    """Foreign lines as a code block whose fence is longer than any in them."""
    clean = _HIDDEN.sub("", text).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{clean}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in line)} |" for line in lines)


def bounded(body: str) -> str:
    """The body, cut at GitHub's limit with a closing sentence that says so."""
    if len(body) <= MAX_CHARACTERS:
        return body
    return body[: MAX_CHARACTERS - 100].rsplit("\n", 1)[0] + "\n\n… cut here: the text is longer than GitHub takes."


def count(number: int, noun: str) -> str:
    """The number with its noun, in the plural where it is one."""
    return f"{number} {noun if number == 1 else noun + 's' if not noun.endswith('y') else noun[:-1] + 'ies'}"


def _section(name: str) -> re.Pattern[str]:
    mark = re.escape(name)
    return re.compile(rf"<!-- bolide:{mark} -->\r?\n(?P<text>.*?)\r?\n<!-- /bolide:{mark} -->", re.DOTALL)
