"""The releases that one resolution looks at: every page and every metadata file is read once."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime

from packaging.utils import canonicalize_name

from bot.adapters.listing import Listing
from bot.core.candidates import aged
from bot.core.errors import Refused, TryLater
from bot.core.locking import Asked, Pin, asked, requires_dist, requires_python
from bot.core.packages import File, Index, IndexUnreachable, PackageUnknown, Project


class Releases:
    """A memory of index pages for the time of one resolution; `indexes` tells which index a name belongs to."""

    def __init__(self, index: Index, indexes: Mapping[str, str], default: str) -> None:
        self._index = index
        self._indexes = indexes
        self._default = default
        self._pages: dict[str, asyncio.Task[Project]] = {}
        self._metadata: dict[str, asyncio.Task[str]] = {}

    def url(self, name: str) -> str:
        """The address of the index that the Pipfile declares for a package."""
        return self._indexes.get(name, self._default)

    def expect(self, names: Iterable[str]) -> None:
        """Begin to read the pages of packages that will be asked for."""
        for name in names:
            if name not in self._pages:
                self._pages[name] = asyncio.create_task(self._index.project(name, self.url(name)))

    async def project(self, name: str) -> Project:
        """The page of a package."""
        self.expect([name])
        return await self._pages[name]

    async def known(self, names: Iterable[str]) -> dict[str, Project]:
        """The pages of those packages that the index has."""
        wanted = tuple(names)
        self.expect(wanted)
        answers = await asyncio.gather(*(self._pages[name] for name in wanted), return_exceptions=True)
        found: dict[str, Project] = {}
        for name, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Project):
                found[name] = answer
            elif not isinstance(answer, PackageUnknown):
                raise answer
        return found

    async def close(self) -> None:
        """Stop what is still being read; its outcome no longer matters."""
        tasks = (*self._pages.values(), *self._metadata.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def files(
        self, pin: Pin, cutoff: datetime | None, trusted: frozenset[str], seen: frozenset[str]
    ) -> tuple[File, ...]:
        """The files of a pin that are old enough or trusted; raises IndexUnreachable where uv saw others."""
        release = (await self.project(pin.name)).release(pin.version)
        if not _agree(release, seen):
            fresh = self._index.project(pin.name, self.url(pin.name), fresh=True)
            self._pages[pin.name] = asyncio.create_task(fresh)
            release = (await self.project(pin.name)).release(pin.version)
        if not _agree(release, seen):
            raise IndexUnreachable(
                f"The index {self.url(pin.name)} told two different things about {pin.name} {pin.version}; "
                "it is being changed or is not whole, so nothing was locked.",
                120,
            )
        young = {file.sha256 for file in release} - {file.sha256 for file in aged(release, cutoff)}
        return tuple(file for file in release if file.sha256 not in young or f"sha256:{file.sha256}" in trusted)

    async def asked(
        self, pins: Mapping[str, Pin], files: Mapping[str, tuple[File, ...]], environment: Mapping[str, str]
    ) -> dict[str, Asked]:
        """What the parents' metadata say of the packages whose marker or spelling the index does not tell."""
        odd = [name for name in pins if not requires_python(files[name]) or await self._is_dotted(name)]
        answers = await asyncio.gather(*(self._asked(pins[name], pins, files, environment) for name in odd))
        return dict(zip(odd, answers, strict=True))

    async def _is_dotted(self, name: str) -> bool:
        """Whether some file of a package spells its name with a dot, as sdists did before PEP 625."""
        if "-" not in name:
            return False
        releases = (await self.project(name)).releases
        if isinstance(releases, Listing):
            return releases.dotted
        return any("." in file.filename[: len(name)] for release in releases.values() for file in release)

    async def _asked(
        self,
        pin: Pin,
        pins: Mapping[str, Pin],
        files: Mapping[str, tuple[File, ...]],
        environment: Mapping[str, str],
    ) -> Asked:
        parents = [pins[parent] for parent in pin.required_by if parent in pins]
        wheels = [next((file for file in files[parent.name] if file.kind == "wheel"), None) for parent in parents]
        texts = await asyncio.gather(*(self._text(wheel) for wheel in wheels if wheel))
        found = iter(texts)
        lines = [requires_dist(next(found)) if wheel else () for wheel in wheels]
        extras = [parent.extras for parent in parents]
        return asked(pin.name, list(zip(lines, extras, strict=True)), environment)

    async def requires(self, name: str, version: str) -> tuple[str, ...]:
        """The Requires-Dist lines of a release's wheel; none where it has no wheel, or the index does not tell."""
        wheels = (file for file in (await self.project(name)).release(version) if file.kind == "wheel")
        wheel = next(wheels, None)
        try:
            return requires_dist(await self._text(wheel)) if wheel else ()
        except (Refused, TryLater):
            return ()

    async def _text(self, wheel: File) -> str:
        if wheel.url not in self._metadata:
            self._metadata[wheel.url] = asyncio.create_task(self._index.metadata(wheel))
        return await self._metadata[wheel.url]


def _agree(release: tuple[File, ...], seen: frozenset[str]) -> bool:
    """Whether a release has files, and among them all that the resolver saw."""
    return bool(release) and seen <= {f"sha256:{file.sha256}" for file in release}


def canonical_pins(section: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Canonical name → version of a lock's section, without entries that have no exact version."""
    pins: dict[str, str] = {}
    for name, entry in section.items():
        version = entry.get("version")
        if isinstance(version, str) and version.startswith("=="):
            pins[canonicalize_name(name)] = version.removeprefix("==")
    return pins
