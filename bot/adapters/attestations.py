"""The `Attestations` port: what an index has of files (PEP 740), verified by `pypi_attestations` in a child process."""

import asyncio
import contextlib
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.adapters import child
from bot.adapters.child import Limits
from bot.adapters.webpages import PageRefused, WebPages
from bot.adapters.wholefile import write_whole
from bot.core.attestations import Attested, NotVerified, Publisher, Unattested, Unchecked, Verified
from bot.core.packages import File

MAX_DOCUMENT = 2**18
MOST = 2_000
"""Files whose attestations are looked at for one question; of more it is said that they were not."""
TOGETHER = 200
"""Files that are fetched and verified in one go, so that what is held at a time is bounded."""
AT_ONCE = 8
SECONDS = 120.0
CPU_SECONDS = 60
MEMORY = 4 * 2**30
_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=8, sock_read=10)
_JSON = {"Accept": "application/vnd.pypi.integrity.v1+json, application/json"}
_FORM = 1
_VERIFIER = Path(__file__).with_name("verifier.py")
"""Never imported here: the libraries that it needs take as much memory as all the rest of a worker."""


class IndexAttestations:
    """Attestations as the index serves them; what was verified once is kept by the file's hash.

    `session` must resolve public addresses only. Hosts in `allowed_hosts` may be private or without TLS. The root of
    trust is the one that the locked sigstore brings: no network is used for verifying.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        cache: Path,
        *,
        allowed_hosts: frozenset[str] = frozenset(),
        seconds: float = SECONDS,
    ) -> None:
        self._pages = WebPages(session, _TIMEOUT, allowed_hosts)
        self._cache = cache
        self._seconds = seconds

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        """What was found of each file, by its sha256; what cannot be reached or done is Unchecked, with the reason."""
        asked = {file.sha256: file for file in files}
        found: dict[str, Attested] = {digest: Unattested() for digest, file in asked.items() if not file.provenance}
        told = [file for file in asked.values() if file.provenance]
        kept = await asyncio.to_thread(lambda: {file.sha256: _remembered(self._path(file)) for file in told})
        found |= {digest: verdict for digest, verdict in kept.items() if verdict}
        missing = [file for file in told if file.sha256 not in found]
        found |= {file.sha256: Unchecked(f"more than {MOST:,} files have attestations") for file in missing[MOST:]}
        away: dict[str, str] = {}
        for start in range(0, min(MOST, len(missing)), TOGETHER):
            found |= await self._verified(missing[start : min(MOST, start + TOGETHER)], away)
        return found

    async def _verified(self, files: list[File], away: dict[str, str]) -> dict[str, Attested]:
        slots = asyncio.Semaphore(AT_ONCE)
        fetched = await asyncio.gather(*(self._document(file, slots, away) for file in files))
        found = {f.sha256: told for f, told in zip(files, fetched, strict=True) if isinstance(told, Unchecked)}
        there = [(file, told) for file, told in zip(files, fetched, strict=True) if isinstance(told, str)]
        verdicts = await self._judged([{"name": f.filename, "digest": f.sha256, "document": told} for f, told in there])
        for (file, _), verdict in zip(there, verdicts, strict=True):
            if isinstance(verdict, Verified):
                content = json.dumps(_told(verdict)).encode()
                with contextlib.suppress(OSError):  # it is verified all the same, and looked at again next time
                    await asyncio.to_thread(write_whole, self._path(file), [content])
        return found | {file.sha256: verdict for (file, _), verdict in zip(there, verdicts, strict=True)}

    async def _document(self, file: File, slots: asyncio.Semaphore, away: dict[str, str]) -> str | Unchecked:
        """What the index has of the file; a host that did not answer is not waited for again."""
        host = urlsplit(file.provenance).hostname or "the index"
        async with slots:
            if host in away:
                return Unchecked(away[host])
            try:
                answer = await self._pages.fetch(file.provenance, _JSON, place=host, limit=MAX_DOCUMENT)
            except PageRefused as problem:
                return Unchecked(str(problem).removesuffix("."))
            except TimeoutError:
                away[host] = f"{host} did not answer in time"
                return Unchecked(away[host])
            except (aiohttp.ClientError, OSError, ValueError) as problem:
                away[host] = f"{host} could not be reached: {str(problem) or type(problem).__name__:.200}"
                return Unchecked(away[host])
        if answer.status != 200:
            return Unchecked(f"{host} answered {answer.status}")
        return answer.body.decode("utf-8", "replace")

    async def _judged(self, questions: list[dict[str, str]]) -> list[Attested]:
        """The verdict on each, of the child process; one reason for all of them where it gave none."""
        if not questions:
            return []
        try:
            answers = await _ask(json.dumps(questions).encode(), self._seconds)
            verdicts = [_verdict(told) for told in json.loads(answers)]
        except (OSError, TimeoutError, ValueError, KeyError, TypeError) as problem:
            reason = "in time" if isinstance(problem, TimeoutError) else f"at all: {problem!r:.200}"
            return [Unchecked(f"the verifier did not answer {reason}") for _ in questions]
        return verdicts if len(verdicts) == len(questions) else [Unchecked("the verifier answered less than asked")]

    def _path(self, file: File) -> Path:
        key = f"{file.sha256} {file.filename} {file.provenance}"
        return self._cache / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


async def _ask(question: bytes, seconds: float) -> bytes:
    """What the verifier says, in a directory of its own, without this process's environment, within limits."""
    with tempfile.TemporaryDirectory(prefix="verify-") as directory:
        # sigstore lays its root of trust out in the user's folders; here it finds empty ones, so no older root either.
        environment = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), directory)
        command = (sys.executable, "-I", str(_VERIFIER))
        limits, place = Limits(seconds, CPU_SECONDS, MEMORY), Path(directory)
        ended = await child.run(command, cwd=place, environ=environment, limits=limits, heard="output", given=question)
        return ended.said


def _verdict(told: Mapping[str, Any]) -> Attested:
    match told["verdict"]:
        case "verified":
            return Verified(tuple(Publisher(*map(str, each)) for each in told["publishers"]))
        case "unknown":
            return Unchecked(_clause(told["reason"]))
        case _:
            return NotVerified(_clause(told["reason"]))


def _clause(said: object) -> str:
    return " ".join(str(said).split()).removesuffix(".")[:300]


def _told(verdict: Verified) -> dict[str, Any]:
    publishers = [[each.kind, each.place, each.workflow] for each in verdict.publishers]
    return {"form": _FORM, "verdict": "verified", "publishers": publishers}


def _remembered(path: Path) -> Attested | None:
    try:
        told = json.loads(path.read_bytes())
        return _verdict(told) if told["form"] == _FORM else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
