"""What the terminal's commands work with: a project's folder, the index, the resolver, advisories and rules."""

import contextlib
import errno
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.folder import FolderReader, NoLaboratory, NothingDeployed
from bot.core import overlays, repoconfig
from bot.core.advice import Adviser, RecommendationType
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.ignored import ignored
from bot.core.packages import ResolveRequest
from bot.core.ports import Snapshot
from bot.core.see import See
from bot.core.steering import Ignored
from bot.managers import advise
from bot.service.advising import Advising, Pages
from bot.settings import allowed_hosts
from bot.variables import SETTINGS
from bot.wiring import packages
from bot.wiring.lore import read_lore

STATE = Path("~/.cache/bolide")
"""Where the terminal's commands keep what they fetched, unless BOLIDE_STATE_DIR says otherwise."""


@dataclass(frozen=True, slots=True)
class Desk:
    """An adviser, and what it is asked about: each environment with its request, or with why there is none.

    `ignored` is what the project's configuration has ignored today.
    """

    adviser: Adviser
    asked: tuple[tuple[Environment, ResolveRequest | str], ...]
    ignored: tuple[Ignored, ...]


def state_folder(environ: Mapping[str, str]) -> Path:
    """The folder for what is fetched."""
    return Path(environ.get("BOLIDE_STATE_DIR") or STATE).expanduser()


def in_words(problem: Exception, state: Path) -> str:
    """What went wrong, in a sentence; of a disk that takes nothing, with the folder and what can be done."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT):
        where = problem.filename or state
        return f"{where}: {problem.strerror}; free it, or set BOLIDE_STATE_DIR to a folder that can be written."
    return str(problem)


@contextlib.asynccontextmanager
async def seeing(folder: Path, environ: Mapping[str, str], state: Path) -> AsyncIterator[See]:
    """What a manager sees of a folder; raises Refused where it or the sources of knowledge cannot be used."""
    told = {setting.name: environ.get(setting.name, "").strip() or setting.default or "" for setting in SETTINGS}
    hosts = allowed_hosts(told["BOLIDE_ALLOWED_HOSTS"])
    async with packages.open_packages(state, hosts) as found:
        lore = read_lore(told["BOLIDE_ADVISORIES"], told["BOLIDE_PRESCRIPTIONS"], state, found.session)
        pages = Pages(found.index)
        adviser = Advising(found.resolver, pages, lore, datetime.now(UTC))
        reader, notes = FolderReader(folder), found.release_notes
        ports = (reader, pages, adviser, adviser, NoLaboratory(), notes, NothingDeployed())
        yield See(*ports, "", adviser.now, hosts, attestations=found.attestations)


@contextlib.asynccontextmanager
async def desk(
    folder: Path, environment: str, wanted: RecommendationType | None, environ: Mapping[str, str], state: Path
) -> AsyncIterator[Desk]:
    """The desk for a folder; raises Refused where the folder, its files or the sources of knowledge cannot be used."""
    async with seeing(folder, environ, state) as see:
        seen = await overlays.look(environment, see, advise.NAME)
        asked = tuple((place, _request(project, place, wanted, see)) for place, project in seen)
        entries = (ignored(project, repoconfig.read(project), see.now.date()) for _, project in seen[:1])
        yield Desk(see.adviser, asked, next(entries, ()))


def _request(
    project: Snapshot, place: Environment, wanted: RecommendationType | None, see: See
) -> ResolveRequest | str:
    try:
        request = advise.request(project, place, see)
    except Refused as refusal:
        return str(refusal)
    return replace(request, recommendation=wanted) if wanted else request


def escaped(cell: str) -> str:
    """Foreign text without what a terminal, or its colours, would obey."""
    visible = "".join(character if character.isprintable() else " " for character in cell)
    return visible.replace("[", "\\[")
