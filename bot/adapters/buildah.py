"""Images by buildah: built from a folder without running anything, pushed to a registry, named by digest."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters import child
from bot.adapters.child import Limits
from bot.core.errors import Refused, TryLater

_SECONDS = 900
_TAIL = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_AWAY = re.compile(r"connection refused|no such host|i/o timeout|deadline exceeded|: 5\d\d |EOF", re.IGNORECASE)
LATER = 60.0
"""Seconds after which a registry that is away is asked again."""


class BuildFailed(Refused):
    """The image could not be built or pushed, for good; the message is a sentence, `log_tail` what buildah said."""

    def __init__(self, sentence: str, log_tail: str) -> None:
        super().__init__(sentence)
        self.sentence, self.log_tail = sentence, log_tail


class RegistryAway(TryLater):
    """The registry did not answer; nothing was pushed under the new digest."""


@dataclass(frozen=True, slots=True)
class Buildah:
    """Builds and pushes; layers and images lie below `root`, and `credentials` is a registries' auth file or None.

    Registries on `plain_hosts`, and on this machine, are spoken to without TLS.
    """

    root: Path
    credentials: Path | None = None
    plain_hosts: frozenset[str] = frozenset()

    @staticmethod
    def present() -> bool:
        """Whether there is a buildah on this machine."""
        return shutil.which("buildah") is not None

    async def build(self, context: Path, containerfile: str) -> str:
        """The id of the image, equal for equal content: every file's time is the epoch. Raises BuildFailed."""
        with tempfile.TemporaryDirectory() as place:
            recipe, told = Path(place) / "Containerfile", Path(place) / "id"
            recipe.write_text(containerfile)
            base = re.search(r"^FROM (\S+)", containerfile, re.MULTILINE)
            await self._run(
                "build",
                *("--timestamp", "0", "--format", "oci", "--layers=false", "--iidfile", str(told)),
                *(self._tls(base[1]) if base else ()),
                *("--file", str(recipe), str(context)),
            )
            return told.read_text().strip()

    async def push(self, image: str, repository: str, tag: str) -> str:
        """The digest under which the registry has the image now. Raises BuildFailed or RegistryAway."""
        with tempfile.TemporaryDirectory() as place:
            told = Path(place) / "digest"
            target = f"docker://{repository}:{tag}"
            await self._run("push", *self._tls(repository), "--digestfile", str(told), image, target)
            digest = told.read_text().strip()
        if not _DIGEST.fullmatch(digest):
            raise BuildFailed(f"buildah told no digest for {repository}.", digest)
        return digest

    async def remove(self, image: str) -> None:
        """The image's own storage is free again; gone already is fine."""
        await self._run("rmi", "--force", image)

    def _tls(self, name: str) -> tuple[str, ...]:
        host = name.split("/", 1)[0]
        plain = bool({host, host.split(":")[0]} & {*self.plain_hosts, "127.0.0.1", "localhost"})
        credentials = ("--authfile", str(self.credentials)) if self.credentials else ()
        return (f"--tls-verify={'false' if plain else 'true'}", *credentials)

    async def _run(self, *arguments: str) -> None:
        """Run buildah with storage of its own and none of this program's environment."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage = ("--root", str(self.root / "storage"), "--runroot", str(self.root / "run"), "--storage-driver", "vfs")
        code, said = await _output(("buildah", *storage, *arguments), self.root)
        if code == 0:
            return
        tail = "\n".join(said.splitlines()[-_TAIL:])
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
        if _AWAY.search(tail):
            raise RegistryAway(f"The registry did not answer while `buildah {arguments[0]}` ran: {last[:300]}.", LATER)
        raise BuildFailed(f"`buildah {arguments[0]}` failed: {last[:300]}.", tail)


async def _output(command: Sequence[str], home: Path) -> tuple[int, str]:
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": tempfile.gettempdir()}
    try:
        ended = await child.run(command, cwd=home, environ=environ, limits=Limits(_SECONDS), heard="both")
    except FileNotFoundError:
        raise BuildFailed("There is no buildah on this machine; `apt install buildah`.", "") from None
    except TimeoutError:
        raise BuildFailed(f"buildah took longer than {_SECONDS} s and was stopped.", "") from None
    return ended.code, ended.text
