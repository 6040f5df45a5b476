"""What a package says of its releases: where its changelog is, and the part of it between two versions."""

import email.parser
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from packaging.version import InvalidVersion, Version

MAX_TEXT = 2_000_000
"""Characters; what is longer is not looked through."""
_MOST_HEADINGS, _MOST_SECTIONS = 5_000, 100
_LABELS = ("changelog", "changes", "releasenotes", "whatsnew", "history", "news", "releases")
_VERSION = r"v?(\d{1,9}(?:\.\d{1,9}){1,5}(?:[-.]?(?:a|b|rc|alpha|beta|post|dev)[-.]?\d{0,9})?)"
# A heading of Markdown, or a title that RST underlines, with a version and few words before it.
_WORDS = r"[A-Za-z][\w.-]{0,60}[ \t]+|[Vv]ersion[ \t]+|[Rr]elease[ \t]+|[*_`\[(]{1,3}"
_HEADING = re.compile(
    rf"^(?P<mark>#{{1,6}}[ \t]+|)(?:{_WORDS}){{0,4}}{_VERSION}(?P<rest>(?![\d.]*\d)[^\n]{{0,120}})$", re.MULTILINE
)
_UNDERLINE = re.compile(r"^([-=~^\"'*+#`])\1{2,}[ \t]*$")
_GITHUB_FILE = re.compile(
    r"https://github\.com/([\w.-]+)/([\w.-]+)/(?:blob|tree|raw)/([^?#]+\.(?:md|rst|txt))/?(?:[?#].*)?", re.IGNORECASE
)

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})(?![a-zA-Z0-9])[^<>]{0,2000}>")
_TITLE = re.compile("h[1-6]")
_SILENT = frozenset({"script", "style", "head", "nav", "footer", "noscript", "template", "svg"})
_BLOCKS = frozenset(["p", "div", "section", "article", "ul", "ol", "br", "tr", "table", "pre", "dt", "dd", "main"])


@dataclass(frozen=True, slots=True)
class Asked:
    """A package that moves from one version to another, and the address of the index that it is from."""

    name: str
    old: str
    new: str
    index: str


@dataclass(frozen=True, slots=True)
class Notes:
    """What was found: the changelog's text between the versions (empty: none), its link, and what was in the way."""

    asked: Asked
    text: str = ""
    link: str = ""
    trouble: str = ""


class ReleaseNotes(Protocol):
    """Reads what packages say of their releases; nothing that is in the way is more than a `trouble`."""

    async def read(self, wanted: Sequence[Asked]) -> tuple[Notes, ...]:
        """The notes of each, in the same order, within bounds of time and size."""
        ...


def changelog_link(metadata: str) -> str:
    """The address of the changelog in core metadata, by the labels that packages use; empty where it has none."""
    found: dict[str, str] = {}
    for line in email.parser.HeaderParser().parsestr(metadata).get_all("Project-URL", ()):
        label, _, url = str(line).partition(",")
        words = re.sub(r"[^a-z]", "", label.lower())
        named = next((known for known in _LABELS if words.endswith(known)), "")
        if named and url.strip().startswith(("https://", "http://")):
            found.setdefault(named, url.strip())
    return next((found[label] for label in _LABELS if label in found), "")


def description(metadata: str) -> str:
    """The long description in core metadata."""
    message = email.parser.HeaderParser().parsestr(metadata)
    payload = message.get_payload()
    return (payload if isinstance(payload, str) and payload.strip() else message.get("Description") or "").strip()


def text_address(link: str) -> str:
    """Where the link's text itself is read: a file shown on GitHub as that file, everything else as it is."""
    if found := _GITHUB_FILE.fullmatch(link):
        return f"https://raw.githubusercontent.com/{found[1]}/{found[2]}/{found[3]}"
    return link


def between(text: str, old: str, new: str) -> str:
    """The sections of a changelog for the versions after `old` up to `new`; empty where none is found.

    Without an `old` it is the section of `new` alone.
    """
    if len(text) > MAX_TEXT or (newest := _parsed(new)) is None:
        return ""
    oldest = _parsed(old)
    headings = list(islice(_headings(text), _MOST_HEADINGS))
    parts: list[str] = []
    for place, (version, start, level) in enumerate(headings):
        wanted = version == newest if oldest is None else oldest < version <= newest
        if wanted and len(parts) < _MOST_SECTIONS:
            after = (begin for _, begin, other in islice(headings, place + 1, None) if other <= level)
            parts.append(text[start : next(after, len(text))].strip("\n"))
    return "\n\n".join(parts)


def _headings(text: str) -> Iterator[tuple[Version, int, int]]:
    """Each heading with a version: the version, where it starts, and how deep it is."""
    for found in _HEADING.finditer(text):
        version = _parsed(found[2])
        level = len(found["mark"].strip())
        following = text[found.end() + 1 : found.end() + 200].split("\n", 1)[0]
        if version is not None and (level or _UNDERLINE.match(following)):
            yield version, found.start(), level


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def from_html(page: str) -> str:
    """The headings, paragraphs and list items of a web page as Markdown lines; scripts and menus are left out.

    It takes time in proportion to the page, whatever is in it; what is no whole tag is text.
    """
    page = _without_comments(page[:MAX_TEXT])
    parts: list[str] = []
    silent, place = "", 0
    for tag in _TAG.finditer(page):
        if not silent:
            parts.append(_visible(page[place : tag.start()]))
        place, (closing, name) = tag.end(), (bool(tag[1]), tag[2].lower())
        if silent:
            silent = "" if closing and name == silent else silent
        elif name in _SILENT and not closing:
            silent = name
        else:
            parts.append(_break(name, closing=closing))
    parts.append("" if silent else _visible(page[place:]))
    lines = "".join(parts).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def _without_comments(page: str) -> str:
    parts = []
    place = 0
    while (start := page.find("<!--", place)) >= 0:
        parts.append(page[place:start])
        end = page.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        place = end + 3
    return "".join((*parts, page[place:]))


def _visible(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(text).replace("¶", ""))


def _break(name: str, *, closing: bool) -> str:
    """What a tag is in Markdown's lines."""
    if _TITLE.fullmatch(name):
        return "\n\n" if closing else f"\n\n{'#' * int(name[1])} "
    if name == "li":
        return "" if closing else "\n- "
    return "\n\n" if name in _BLOCKS else ""
