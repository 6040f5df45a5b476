"""`python -m bot release --dry-run`: the release pull request for a local checkout, printed and not opened."""

import asyncio
import difflib
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.checkout import CheckoutReader
from bot.adapters.folder import NoLaboratory, NothingDeployed
from bot.core import phrases
from bot.core.commands import ReleaseNow
from bot.core.errors import Refused
from bot.core.events import Actor, CommandGiven, Repository
from bot.core.plan import Comment, ProposeChange
from bot.core.see import See
from bot.core.versions import KINDS
from bot.managers import release
from bot.service.advising import Advising, Pages
from bot.wiring import packages
from bot.wiring.lore import read_lore


def main(given: Namespace) -> int:
    """Print what the pull request would be; exit status 1 where there is none, 2 for a wrong call."""
    kind, path = _read(given.kind, given.path)
    command = phrases.in_comment(f"/release {kind}")
    if not isinstance(command, ReleaseNow):
        kinds = ", ".join(KINDS)
        print(f"{kind!r} is neither the kind of a release ({kinds}) nor a version such as 1.2.3.", file=sys.stderr)
        return 2
    if not given.dry_run:
        print("The App makes releases: comment `/release` on an issue. Add --dry-run to see one.", file=sys.stderr)
        return 2
    try:
        found = asyncio.run(_plan(path, command))
    except Refused as refusal:
        found = str(refusal)
    if isinstance(found, str):
        print(found, file=sys.stderr)
        return 1
    change, texts = found
    print(f"{change.title}\n{'=' * len(change.title)}\n\n{change.body}\n")
    for file in change.files:
        print("\n".join(_difference(file.path, texts.get(file.path, ""), file.text)))
    return 0


def _read(kind: str, path: Path | None) -> tuple[str, Path]:
    """Kind and folder; a folder alone may stand in the place of the kind."""
    if path is None and ("/" in kind or kind in (".", "..")):
        return "patch", Path(kind)
    return kind, path or Path()


async def _plan(folder: Path, command: ReleaseNow) -> tuple[ProposeChange, dict[str, str]] | str:
    """The pull request and the texts that it changes, or why there is none."""
    reader = CheckoutReader(folder)
    with tempfile.TemporaryDirectory() as state:
        async with packages.open_packages(Path(state)) as found:
            lore = read_lore("", "", Path(state), found.session)
            pages, now = Pages(found.index), datetime.now(UTC)
            adviser = Advising(found.resolver, pages, lore, now)
            ports = (pages, adviser, adviser, NoLaboratory(), found.release_notes, NothingDeployed())
            see = See(reader, *ports, "bolide[bot]", now)
            asked = CommandGiven(Repository(0, str(folder), 0), 0, 1, Actor(0, ""), command)
            plan = await release.plan(asked, see)
    for action in plan.actions if plan else ():
        match action:
            case ProposeChange():
                before = await reader.snapshot([file.path for file in action.files])
                return action, {path: before.text(path) for path in before.files}
            case Comment(body=body):
                return body
            case _:
                continue
    return "Nothing is to be released."


def _difference(path: str, before: str, after: str) -> Iterator[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", n=1, lineterm="")
    yield from (line.rstrip("\n") for line in lines)
