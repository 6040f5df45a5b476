"""Release notes of packages in a pull request: foreign Markdown, parsed, and written again as nothing but words."""

import re
from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.releasenotes import Notes
from bot.core.texts.markdown import count, harmless

MAX_CHARACTERS = 12_000
"""Of all notes of one pull request together."""
_MOST_OF_ONE = 3_000
_MOST_READ = 20_000
_MOST_OPEN = 5
_DEEPEST = 4
_SHA = re.compile(r"\b[0-9a-f]{7,64}\b", re.IGNORECASE)
_LINK = re.compile(r"https://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,500}")
_GITHUB = re.compile(r"^https://(?:www\.)?github\.com/", re.IGNORECASE)
_CUT = "… the rest stands at the link."


def render(found: Sequence[Notes]) -> str:
    """The section of a pull request's body, empty where nothing was asked; each package folded, within the bounds."""
    if not found:
        return ""
    shown, left = [], MAX_CHARACTERS
    for notes in found:
        if (size := len(_entry(notes))) > left:
            break
        shown.append(notes)
        left -= size
    folded = [_entry(notes) for notes in shown if notes.text]
    parts = ["### Release notes", *folded, _bare(shown)]
    if more := len(found) - len(shown):
        parts.append(f"… and of {count(more, 'package')} more, left out for their length.")
    return "\n\n".join(filter(None, parts))


def _bare(shown: Sequence[Notes]) -> str:
    """What is said of the packages without a text: many are folded, so that the evidence stays in sight."""
    bare = [notes for notes in shown if not notes.text]
    told = "\n".join((*(_entry(notes) for notes in bare if _linked(notes.link)), *_without(bare)))
    if len(bare) <= _MOST_OPEN:
        return told
    return f"<details><summary>No notes of {count(len(bare), 'package')}</summary>\n\n{told}\n\n</details>"


def _without(shown: Iterable[Notes]) -> Iterable[str]:
    """One line for all packages of which the same is said, and to which there is no link."""
    groups: dict[str, list[str]] = {}
    for notes in shown:
        if not _linked(notes.link):
            groups.setdefault(notes.trouble, []).append(_moved(notes))
    return (f"- {', '.join(moved)}: {harmless(trouble)}" for trouble, moved in groups.items())


def _moved(notes: Notes) -> str:
    asked = notes.asked
    return f"{harmless(asked.name)} {harmless(asked.old) or '(new)'} → {harmless(asked.new)}"


def _entry(notes: Notes) -> str:
    link = _linked(notes.link)
    if not notes.text:
        return f"- {_moved(notes)}: {', '.join(filter(None, (link, harmless(notes.trouble))))}"
    where = f"\n\n{link}" if link else ""
    return f"<details><summary>{_moved(notes)}</summary>\n\n{neutral(notes.text)}{where}\n\n</details>"


def _linked(url: str) -> str:
    """A link to the changelog; one to GitHub goes by its redirecting host, so that no issue there is told of it."""
    if not _LINK.fullmatch(url):
        return ""
    return f"[changelog](<{_GITHUB.sub('https://redirect.github.com/', url)}>)"


def neutral(text: str, most: int = _MOST_OF_ONE) -> str:
    """Foreign Markdown as headings in bold, paragraphs and lists of plain words, at most so many characters.

    No markup of its own, image, HTML, link, mention, reference or commit is left in it.
    """
    lines: list[str] = []
    room = most - len(_CUT)
    for line in _lines(MarkdownIt("commonmark").parse(text[:_MOST_READ])):
        room -= len(line) + 2
        if room < 0:
            return "\n\n".join([*lines, _CUT])
        lines.append(line)
    return "\n\n".join([*lines, *([_CUT] if len(text) > _MOST_READ else [])])


def _lines(tokens: Iterable[Token]) -> Iterable[str]:
    depth, before, heading = 0, "", False
    for token in tokens:
        words = ""
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                depth += 1
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
            case "list_item_open":
                before = f"{'  ' * (min(depth, _DEEPEST) - 1)}- "
            case "heading_open":
                heading = True
            case "heading_close":
                heading = False
            case "inline" | "fence" | "code_block":
                words = _plain(_words(token))
        if words:
            yield f"**{words}**" if heading and not depth else f"{before or '  ' * min(depth, _DEEPEST)}{words}"
            before = ""


def _words(token: Token) -> str:
    """The words of a block; HTML and images are left out."""
    if token.type != "inline":
        return token.content[:300]
    kept = ("text", "code_inline", "text_special")
    return "".join(
        child.content if child.type in kept else " " if child.type in ("softbreak", "hardbreak") else ""
        for child in token.children or ()
    )


def _plain(words: str) -> str:
    """Words without anything alive in them; what looks like a commit is broken, so that it is no reference to one."""
    return _SHA.sub(lambda found: "\u200b".join(re.findall(".{1,6}", found[0])), harmless(words))
