"""The tracking issue "Dependency dashboard": its body, rendered and read back; a person's words around it stay."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name

from bot.core.packages import HeldBack
from bot.core.steering import Ignored
from bot.core.texts.markdown import (
    MAX_CHARACTERS,
    bounded,
    count,
    fitting,
    harmless,
    quiet,
    read_section,
    section,
    table,
)

TITLE = "Dependency dashboard"
LABEL = "bolide-dashboard"
MOST_IGNORED = 60
_MOST_ROWS = 60
_MOST_ENVIRONMENTS = 40
_CELL = 200  # characters of foreign text in one cell
_ROOM = 2_000  # characters that are left free for a person's words
_SHORTEST, _MARKS = 400, 260  # characters that a part has at least, and that the marks around it may take
_CUT = "\n\n… cut here."
_TABLE_CHARACTERS, _STATE_CHARACTERS = 12_000, 24_000
_ENTRIES = re.compile(r"^<!-- entries (?P<entries>\[.*\]) -->$", re.MULTILINE)
_INTRODUCTION = (
    "What Bolide does about this repository's dependencies. It edits the parts below in place; words of yours above, "
    "between and below them stay. `/status`, `/update`, `/ignore`, `/unignore` work as comments here."
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that is not proposed yet, as its title says it, and what it waits for."""

    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the last look at one environment came to; `trouble` is the sentence why nothing could be proposed."""

    environment: str
    as_of: datetime
    open: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    trouble: str = ""
    next_look: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the issue says: what people told the bot to ignore, and one part of text for each environment."""

    ignored: tuple[Ignored, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()


def parse(body: str) -> Dashboard:
    """What the body says; parts that a person took out are missing, and entries that are damaged do not count."""
    names = re.findall(r"^<!-- bolide:dashboard of (?P<name>[^\n>]{0,100}) -->$", body, re.MULTILINE)
    found = {name: read_section(body, f"dashboard of {name}") for name in names[:_MOST_ENVIRONMENTS]}
    parts = tuple((name, text) for name, text in found.items() if text is not None)
    return Dashboard(_entries(read_section(body, "dashboard ignored") or ""), parts)


def _entries(text: str) -> tuple[Ignored, ...]:
    found = _ENTRIES.search(text)
    try:
        told = json.loads(found["entries"]) if found else []
    except ValueError:
        return ()
    entries = (_entry(each) for each in told[:MOST_IGNORED] if isinstance(each, Mapping))
    return tuple(entry for entry in entries if entry is not None)


def _entry(told: Mapping[str, Any]) -> Ignored | None:
    """An entry, checked as a command's words are: the text may have been edited."""
    try:
        return Ignored(
            canonicalize_name(str(told["package"]), validate=True),
            str(SpecifierSet(str(told.get("specifier", "")))),
            date.fromisoformat(str(told["until"])) if told.get("until") else None,
            str(told.get("reason", ""))[:_CELL],
            str(told.get("origin", ""))[:_CELL],
        )
    except (KeyError, ValueError, InvalidName, InvalidSpecifier):
        return None


def with_look(dashboard: Dashboard, look: Look) -> Dashboard:
    """The dashboard with this look in place of the environment's last one, unless both say the same."""
    known, name, made = dict(dashboard.parts), _told(look.environment), _part(look)
    if _timeless(known.get(name, "")) == _timeless(made):
        return dashboard
    return replace(dashboard, parts=tuple({**known, name: made}.items()))


def without(dashboard: Dashboard, present: Iterable[str]) -> Dashboard:
    """The dashboard without the environments that are not among those that there are."""
    names = set(map(_told, present))
    return replace(dashboard, parts=tuple(part for part in dashboard.parts if part[0] in names))


def render(body: str, dashboard: Dashboard, configured: tuple[Ignored, ...] = ()) -> str:
    """The issue's body as it shall be: what was around the bot's parts stays, what is new goes to the end."""
    foreign = _foreign(body) if body else _INTRODUCTION
    made = foreign
    room = MAX_CHARACTERS - len(foreign) - _ROOM
    for name, text in _pieces(dashboard, configured, room):
        slot = f"\0{name}\0"
        made = made.replace(slot, text, 1) if slot in made else f"{made.rstrip()}\n\n{text}"
    return re.sub(r"\n*\0[^\0]*\0", "", made)


def _foreign(body: str) -> str:
    """The body with each of the bot's parts replaced by a slot with its name."""
    marked = re.compile(
        r"<!-- bolide:(?P<name>dashboard (?:ignored|of [^\n>]{0,100})) -->\r?\n.*?\r?\n<!-- /bolide:(?P=name) -->",
        re.DOTALL,
    )
    return marked.sub(lambda found: f"\0{found['name']}\0", body.replace("\0", ""))


def _pieces(dashboard: Dashboard, configured: tuple[Ignored, ...], room: int) -> Iterable[tuple[str, str]]:
    ignored = section("dashboard ignored", _ignored(dashboard.ignored, configured))
    shown = dashboard.parts[:_MOST_ENVIRONMENTS]
    most = max(_SHORTEST, (room - len(ignored)) // max(1, len(shown)) - _MARKS)
    for name, text in shown:
        kept = text if len(text) <= most else f"{text[: most - len(_CUT)].rsplit(chr(10), 1)[0]}{_CUT}"
        yield f"dashboard of {name}", section(f"dashboard of {name}", kept)
    yield "dashboard ignored", ignored


def _part(look: Look) -> str:
    head = f"### {harmless(look.environment) or 'Dependencies'}"
    parts = [head]
    if look.trouble:
        parts.append(f"**Nothing could be proposed**: {quiet(look.trouble[:2_000])}")
    parts.append(f"**Open**: {', '.join(look.open) or 'nothing'}")
    if look.waiting:
        rows = [(harmless(each.title[:_CELL]), harmless(each.reason[:_CELL])) for each in look.waiting[:_MOST_ROWS]]
        parts.append(f"**Waiting**\n\n{table(('change', 'for'), rows)}")
    if look.held_back:
        parts.append(f"**Held back**\n\n{table(('package', 'stays at', 'newest', 'because'), _held(look.held_back))}")
    more = f"; next: {harmless(look.next_look)}" if look.next_look else ""
    told = f". {harmless(look.checked)}" if look.checked else ""
    parts.append(f"Last look that saw a change: {look.as_of:%Y-%m-%d %H:%M} UTC{more}{told}")
    return "\n\n".join(parts)


def _held(held_back: tuple[HeldBack, ...]) -> list[tuple[str, str, str, str]]:
    shown = held_back[:_MOST_ROWS]
    return [(_cell(held.name), _cell(held.current), _cell(held.latest), _cell(held.reason)) for held in shown]


def _cell(text: str) -> str:
    return harmless(text[:_CELL])


def _timeless(part: str) -> str:
    return re.sub(r"^Last look that saw a change: .*$", "", part, flags=re.MULTILINE)


def _ignored(entries: tuple[Ignored, ...], configured: tuple[Ignored, ...]) -> str:
    rows = [
        (
            _cell(each.package),
            f"`{each.specifier}`" if each.specifier else "every newer version",
            each.until.isoformat() if each.until else "–",
            _cell(each.reason) or "–",
            _cell(each.origin),
        )
        for each in (*entries, *configured[:_MOST_ROWS])
    ]
    shown = table(("package", "versions", "until", "reason", "by"), fitting(rows, _TABLE_CHARACTERS))
    return f"### Ignored\n\n{shown if rows else 'Nothing is ignored.'}\n\n<!-- entries {_state(entries)} -->"


def _state(entries: tuple[Ignored, ...]) -> str:
    """The entries for `parse`; no text in a comment may end it or begin another, the escapes are JSON's own."""
    told = [
        {
            "package": each.package,
            "specifier": each.specifier,
            "until": each.until.isoformat() if each.until else "",
            "reason": each.reason[:_CELL],
            "origin": each.origin[:_CELL],
        }
        for each in entries
    ]
    return json.dumps(told, ensure_ascii=False).translate({ord("<"): "\\u003c", ord(">"): "\\u003e"})


def is_full(entries: tuple[Ignored, ...]) -> bool:
    """Whether so many entries have no room in the issue any more."""
    return len(entries) > MOST_IGNORED or len(_state(entries)) > _STATE_CHARACTERS


def _told(environment: str) -> str:
    """The environment's name as it stands in a mark; the root's is empty."""
    return re.sub(r"[^A-Za-z0-9._/-]", "-", environment)[:100] or "the repository"


def status(dashboard: Dashboard, configured: tuple[Ignored, ...] = ()) -> str:
    """The answer to `/status`: what the last look at each environment came to, and how much is ignored."""
    said = "\n\n".join(text for _, text in dashboard.parts)
    ignored = len(dashboard.ignored) + len(configured)
    none = "There was no look at the dependencies yet; comment `/update`."
    return bounded(f"{said or none}\n\n**Ignored**: {count(ignored, 'entry') if ignored else 'nothing'}")
