"""The pinned uv as a child process: requirements in, pins out, in a directory of its own and an empty environment."""

import asyncio
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomlkit
from packaging.utils import canonicalize_name

from bot.adapters import child
from bot.adapters.child import Limits
from bot.adapters.environments import own_uv
from bot.core.locking import Pin
from bot.core.packages import Conflict, IndexUnreachable, NeedsBuild, ResolverFailed, Unresolvable
from bot.core.pipfile import Source

PROJECT = "the-pipfile"  # the name under which uv reports what the Pipfile itself asks for
MAX_STDERR = 256 * 1024
LIMITS = Limits(seconds=180, cpu_seconds=120, memory=6 * 2**30)
"""What one run of the resolver may use."""
# How uv's errors begin that only another Pipfile helps against; every other end without an answer is tried again.
_OF_THE_INPUT = re.compile(
    r"^error: (?:Failed to parse|Couldn't parse|[Ii]nvalid |.* is invalid|Building source distributions is disabled)",
    re.MULTILINE,
)
_UNREAD = "Building source distributions is disabled"  # uv's last way to read a project file that it cannot parse
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[([A-Za-z0-9._, -]+)\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Job:
    """One category to resolve; requirement lines are PEP 508, `sources` are the indexes, the default one first."""

    requirements: tuple[str, ...]
    indexes: Mapping[str, str]
    sources: tuple[Source, ...]
    python: str
    preferences: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    prereleases: bool = False
    cutoff: datetime | None = None
    cutoffs: Mapping[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The pins by canonical name, and the hashes that uv saw for each."""

    pins: Mapping[str, Pin]
    hashes: Mapping[str, frozenset[str]]


class Uv:
    """`uv pip compile` without building, without configuration files, with nothing of this process's environment.

    `environment` adds variables such as SSL_CERT_FILE; `platform` is uv's name of the target, None for this machine.
    `max_age` is how many seconds a page is used without asking again; None: as long as the index says.
    """

    def __init__(
        self,
        cache: Path,
        *,
        environment: Mapping[str, str] | None = None,
        platform: str | None = None,
        insecure_hosts: frozenset[str] = frozenset(),
        limits: Limits = LIMITS,
        max_age: int | None = None,
    ) -> None:
        self._program = own_uv()
        self._cache = cache
        self._environment = dict(environment or {})
        self._platform = platform
        self._insecure_hosts = insecure_hosts
        self._limits = limits
        self._max_age = max_age

    async def version(self) -> str:
        """The resolver's name and version, such as "uv 0.13.9"."""
        process = await asyncio.create_subprocess_exec(
            self._program, "--version", "--no-config", env={}, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        return " ".join(told.decode().split()[:2])

    async def compile(self, job: Job) -> Answer:
        """The pins; raises Unresolvable (Conflict and NeedsBuild are such), IndexUnreachable or ResolverFailed."""
        with tempfile.TemporaryDirectory(prefix="resolve-") as directory:
            place = Path(directory)
            (place / "pyproject.toml").write_text(_project(job, self._max_age))
            (place / "uv.toml").write_text(tomlkit.dumps({"index": [_default(job.sources[0], self._max_age)]}))
            (place / "requirements.txt").write_text("".join(f"{line}\n" for line in job.preferences))
            given = "".join(f"{line}\n" for line in job.constraints)
            await self.run(place, self._arguments(job), given=given)
            return _parse((place / "requirements.txt").read_text(), job.sources[0].url)

    def _arguments(self, job: Job) -> list[str]:
        arguments = [
            *("pip", "compile", "pyproject.toml", "--output-file", "requirements.txt", "--constraints", "-"),
            *("--generate-hashes", "--no-strip-extras", "--emit-index-annotation", "--no-header"),
            *("--python-version", job.python),
        ]
        if self._platform:
            arguments += ["--python-platform", self._platform]
        if job.prereleases:
            arguments += ["--prerelease", "allow"]
        if job.cutoff:
            arguments += ["--exclude-newer", _moment(job.cutoff)]
        for name, moment in sorted((job.cutoffs or {}).items()):
            arguments += ["--exclude-newer-package", f"{name}={_moment(moment)}"]
        return arguments

    def _common(self) -> list[str]:
        """What every call has: nothing is built, nothing read but what is in the directory and in the cache.

        The indexes stand in a file there, not in argv, where a password in an address could be read.
        """
        hosts = [part for host in sorted(self._insecure_hosts) for part in ("--allow-insecure-host", host)]
        return [
            *("--config-file", "uv.toml", "--no-build", "--color", "never", "--no-progress", "--no-python-downloads"),
            *("--python", sys.executable, "--cache-dir", str(self._cache)),
            *hosts,
        ]

    async def run(self, place: Path, arguments: Sequence[str], *, given: str = "") -> None:
        """Let uv work in the directory, where its settings are in `uv.toml`.

        Raises Unresolvable (Conflict and NeedsBuild are such), IndexUnreachable or ResolverFailed.
        """
        code, words = await self._run(place, [*arguments, *self._common()], given)
        if code:
            raise _failure(words, code)

    async def _run(self, place: Path, arguments: Sequence[str], given: str) -> tuple[int, str]:
        environment = {
            "HOME": str(place),
            "TMPDIR": str(place),
            "UV_HTTP_RETRIES": "2",
            "UV_SYSTEM_CERTS": "1",  # the machine's own authorities, as Python here uses them
            "RES_OPTIONS": "timeout:1 attempts:4",  # a name server's lost answer costs one second, not five
            **self._environment,
        }
        command = (str(self._program), *arguments)
        limits, said = self._limits, given.encode()
        try:
            ended = await child.run(
                command, cwd=place, environ=environment, limits=limits, heard="errors", given=said, longest=MAX_STDERR
            )
        except TimeoutError:
            raise ResolverFailed(
                f"The resolver gave no answer within {limits.seconds:g} s; it was stopped.", 900
            ) from None
        return ended.code, ended.text


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _default(source: Source, max_age: int | None) -> dict[str, object]:
    return {"name": "default", "url": source.url, "default": True, **_caching(max_age)}


def _caching(max_age: int | None) -> dict[str, object]:
    """How long uv uses a page without asking again, whatever the index says of it; files never change."""
    if max_age is None:
        return {}
    return {"cache-control": {"api": f"max-age={max_age}", "files": "max-age=31536000, immutable"}}


def _project(job: Job, max_age: int | None) -> str:
    """The project file: a requirement with an index of its own stays on it, and no other name is asked for there."""
    names = {source.name: f"index-{place}" for place, source in enumerate(job.sources)}  # uv's names have fewer letters
    used = set(job.indexes.values())
    document = {
        "project": {"name": PROJECT, "version": "0", "dependencies": list(job.requirements)},
        "tool": {
            "uv": {
                "sources": {name: {"index": names[index]} for name, index in sorted(job.indexes.items())},
                "index": [
                    {"name": names[source.name], "url": source.url, "explicit": True, **_caching(max_age)}
                    for source in job.sources
                    if source.name in used
                ],
            }
        },
    }
    return tomlkit.dumps(document)


def _parse(text: str, default_index: str) -> Answer:
    """The requirements file that uv wrote: a pin, then indented its hashes, its parents and its index.

    Raises ResolverFailed for what is no pin, since a lock without it would not be whole.
    """
    pins: dict[str, Pin] = {}
    hashes: dict[str, frozenset[str]] = {}
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE):
        if not block[:1].isalnum():
            continue  # what stands before the first one
        if not (found := _PIN.match(block)):
            raise ResolverFailed(f"The resolver's answer cannot be read: {block.splitlines()[0][:200]}", 900)
        notes = [line.strip().lstrip("#").strip() for line in block.splitlines()[1:] if line.lstrip().startswith("#")]
        parents = (note.removeprefix("via").strip().split(" ")[0] for note in notes if not note.startswith("from "))
        index = next((note.removeprefix("from ") for note in notes if note.startswith("from ")), default_index)
        name = canonicalize_name(found[1])
        extras = tuple(sorted(filter(None, map(str.strip, (found[2] or "").split(",")))))
        required_by = tuple(sorted({canonicalize_name(parent) for parent in parents if parent} - {PROJECT}))
        pins[name] = Pin(name, found[3], extras, required_by, index)
        hashes[name] = frozenset(_HASH.findall(block))
    return Answer(pins, hashes)


def _failure(words: str, code: int) -> Exception:
    """What uv's last words mean for the user: its own sentence without the typography."""
    lines = [line.strip() for line in words.splitlines()]
    said = [line for line in lines if line and not line.startswith("warning:")]
    causes = " ".join(line.removeprefix("cause:").strip() for line in said if not line.startswith(("error:", "hint:")))
    sentence = re.sub(rf"{PROJECT}(?:==0)? depends on", "the Pipfile asks for", causes).replace(
        "your requirements", "the Pipfile's requirements"
    )
    sentence = sentence.replace("you require", "the Pipfile asks for")
    if "No solution found" in words:
        if "no usable wheels" in words or "building from source is disabled" in words:
            return NeedsBuild(f"{sentence} Bolide installs wheels only and never runs a package's build.")
        # One sentence: of what follows from what, only what follows is said.
        return Conflict(sentence.replace(", we can conclude that ", ", ").replace(". And because ", "; and because "))
    if found := re.search(r"interpreter resolved to (Python \S+), which is incompatible.*?: `(\S+)`", words):
        return Unresolvable(f"The project asks for Python {found[2]}, and locks are made with {found[1]} here.")
    if found := re.search(r"Failed to fetch: `?(\S+?)`?$", words, re.MULTILINE):
        return IndexUnreachable(
            f"The index could not be read at {found[1]}: {said[-1].removeprefix('cause:').strip()}.", 120
        )
    if code == 2 and _OF_THE_INPUT.search(words) and "os error" not in words:
        told = " ".join(line.removeprefix("error:").removeprefix("cause:").strip() for line in said)
        told = told.replace(_UNREAD, "a marker or a version in it is not one that today's tools read (PEP 508).")
        return Unresolvable(f"The resolver does not accept the Pipfile: {told[:600]}")
    if code < 0:
        return ResolverFailed(
            f"The resolver was stopped by signal {-code}; it may have needed too much memory or time.", 900
        )
    return ResolverFailed(f"The resolver ended with code {code}: {' '.join(said)[-600:]}", 900)
