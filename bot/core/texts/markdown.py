"""Pieces of Markdown: named sections that can be replaced, table cells, and foreign text made harmless."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from bot.core.errors import Refused

MAX_CHARACTERS = 60_000
_CUT = "… cut here: the text is longer than GitHub takes."
_CODE = re.compile(r"(`[^`<>|]+`)")
_LIVE = re.compile(r"([@#])(?=[\w-])|\b(GH)(?=-\d)|\b(www)(?=\.)|(:)(?=//)", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_\[\]<>|~&!])")
_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?: |$))|(?=[-+=#:]+(?: |$)))")
_MARK = re.compile(r"<!(?=--\s*/?bolide:)")
_BROKEN = "<\u200b!"
_FENCE = re.compile(r"^(`{3,})[^`\n]*$", re.MULTILINE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"


def section(name: str, text: str) -> str:
    """The text between two hidden marks, so that `replace_section` finds it again; marks in the text are broken."""
    return f"<!-- bolide:{name} -->\n{_MARK.sub(_BROKEN, text)}\n<!-- /bolide:{name} -->"


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
    """Foreign text as plain words on one line: no markup, link, mention, reference or character that hides."""
    return _plain(" ".join(_visible(text, keep="").split()))


def quoting(sentence: str) -> str:
    """As harmless as foreign text, which it may be in part, but what stands in single backticks is code."""
    words = " ".join(_visible(sentence, keep="").split())
    return "".join(part if place % 2 else _plain(part) for place, part in enumerate(_CODE.split(words)))


def _plain(words: str) -> str:
    shown = _MARKUP.sub(r"\\\1", words)
    # What would begin a heading, a list or a rule where the text begins a line.
    shown = _BLOCK.sub(r"\1\\", shown)
    return _LIVE.sub(lambda found: f"{found[0]}\u200b", shown)


def quiet(sentence: str) -> str:
    """A sentence of Bolide's that may quote foreign text: its code spans and links stay, but nobody is called."""
    words = " ".join(_visible(sentence, keep="").split()).replace("<", "\\<").replace("&", "\\&").replace("![", "\\![")
    return _LIVE.sub(lambda found: found[0] if found[4] else f"{found[0]}\u200b", words)


def fenced(text: str, most: int = 8_000) -> str:
    """The last `most` characters of foreign lines, as a code block whose fence is longer than any in them."""
    clean = _MARK.sub(_BROKEN, _visible(text[-4 * most :].replace("\r\n", "\n"), keep="\n\t")).strip("\n")
    clean = clean if len(clean) <= most else f"…{clean[-most:]}"
    longest = max((len(run) for run in re.findall(r"`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{clean}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in line)} |" for line in lines)


def fitting(rows: Iterable[tuple[str, ...]], room: int) -> list[tuple[str, ...]]:
    """As many of a table's rows as have room in so many characters."""
    shown = []
    for row in rows:
        room -= sum(map(len, row)) + 3 * len(row) + 2
        if room < 0:
            break
        shown.append(row)
    return shown


def bounded(body: str, most: int = MAX_CHARACTERS) -> str:
    """The body, cut at GitHub's limit with a closing sentence that says so; a code block that was cut is closed."""
    if len(body) <= most:
        return body
    kept = body[: most - 100].rsplit("\n", 1)[0]
    fence = ""
    for found in _FENCE.finditer(kept):
        opens = not fence
        if opens or (found[0] == found[1] and len(found[1]) >= len(fence)):
            fence = found[1] if opens else ""
    kept = kept[: most - 100 - len(fence)]
    return f"{kept}\n{fence}\n\n{_CUT}" if fence else f"{kept}\n\n{_CUT}"


def count(number: int, noun: str) -> str:
    """The number with its noun, in the plural where it is one."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{number} {noun}s"


def _section(name: str) -> re.Pattern[str]:
    mark = re.escape(name)
    return re.compile(rf"<!-- bolide:{mark} -->\r?\n(?P<text>.*?)\r?\n<!-- /bolide:{mark} -->", re.DOTALL)


def _visible(text: str, keep: str) -> str:
    """The text without characters that cannot be seen or turn its direction; control characters become spaces."""
    return "".join(character if character in keep else _replacement(character) for character in text)


def _replacement(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    return "" if kind in _INVISIBLE or character in _BLANK else character
