"""What speaks for and against packages: what advice needs beside what a lock needs."""

from pathlib import Path

import aiohttp

from bot.adapters.osv import OsvService, Records, Switched
from bot.adapters.resolver import target_of
from bot.adapters.rules import load
from bot.core.advisories import Advisories
from bot.core.errors import Refused
from bot.service.advising import Lore


def read_lore(advisories: str, prescriptions: str, state: Path, session: aiohttp.ClientSession) -> Lore:
    """What the adviser knows by these settings; raises Refused where one of them cannot be used."""
    try:
        books = [load(), *([load(Path(prescriptions))] if prescriptions else [])]
    except OSError as problem:
        raise Refused(f"BOLIDE_PRESCRIPTIONS cannot be read: {problem}") from problem
    units = tuple(unit for book in books for unit in book.units)
    return Lore(_advisories(advisories, state, session), units, target_of)


def _advisories(told: str, state: Path, session: aiohttp.ClientSession) -> Advisories:
    if told == "none":
        return Switched()
    if told.startswith(("https://", "http://")):
        return OsvService(session, told, state / "advisories")
    return Records(Path(told))
