"""The environments of a repository: each has a file that says what is wanted, a lock, and a branch for its updates."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bot.core.errors import Refused
from bot.core.texts.markdown import count

Kind = Literal["pipfile", "uv", "requirements"]

DEFAULT = "default"
"""The name of the first environment at the top of the repository."""
OVERLAYS = "overlays"
"""The folder of the overlays, where the configuration names no other."""
MOST = 50
_FILES: dict[Kind, tuple[str, str]] = {
    "pipfile": ("Pipfile", "Pipfile.lock"),
    "uv": ("pyproject.toml", "uv.lock"),
    "requirements": ("requirements.in", "requirements.txt"),
}
_KINDS: dict[str, Kind] = {lock: kind for kind, (_, lock) in _FILES.items()}
PYTHON_VERSION = ".python-version"
TOP_FILES = (*(name for files in _FILES.values() for name in files), PYTHON_VERSION)
"""What the environments at the top of a repository are made of."""
# Such a name can stand in a branch and in a command.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,60}(?<!\.)(?<!\.lock)")


@dataclass(frozen=True, slots=True)
class Environment:
    """What is locked together: `manifest` says what is wanted, `lock` what is installed; no `folder` is the top."""

    name: str
    kind: Kind
    folder: str

    @property
    def manifest(self) -> str:
        """The path of the file that people write."""
        return _in(self.folder, _FILES[self.kind][0])

    @property
    def lock(self) -> str:
        """The path of the file that is made from it."""
        return _in(self.folder, _FILES[self.kind][1])

    @property
    def python_version(self) -> str:
        """The path of the file that may tell the environment's Python."""
        return _in(self.folder, PYTHON_VERSION)

    @property
    def branch(self) -> str:
        """The branch on which its updates are proposed."""
        return "bolide/update" if self.name == DEFAULT else f"bolide/update-{self.name}"

    @property
    def where(self) -> str:
        """What tells it from others in a title, such as " (gpu)"; empty for the default one."""
        return "" if self.name == DEFAULT else f" ({self.name})"

    @property
    def wanted_by(self) -> str:
        """The manifest's name in a sentence."""
        return "the Pipfile" if self.kind == "pipfile" else _FILES[self.kind][0]

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of everything that it is read from."""
        return (self.manifest, self.lock, self.python_version)


@dataclass(frozen=True, slots=True)
class Found:
    """The environments of a repository, and one sentence for each folder that holds one that cannot be taken."""

    environments: tuple[Environment, ...]
    remarks: tuple[str, ...]

    def named(self, name: str) -> tuple[Environment, ...]:
        """The one of this name, in any case, or all of them for no name; raises Refused where there is no such one."""
        chosen = tuple(each for each in self.environments if name.lower() in ("", each.name.lower()))
        if name and not chosen:
            known = ", ".join(each.name for each in self.environments)
            raise Refused(f"There is no environment {name!r}; there is {known}.")
        return chosen


def find(listing: Iterable[str], overlays: str = OVERLAYS) -> Found:
    """The environments among these paths: those at the top first, then a folder of the overlays each."""
    listed = frozenset(listing)
    found: list[Environment] = []
    remarks: list[str] = []
    for folder in _folders(listed, overlays):
        kinds = [kind for kind in _FILES if _is_there(kind, folder, listed)]
        name = folder.rpartition("/")[2] if folder else DEFAULT
        if kinds and not _NAME.fullmatch(name):
            remarks.append(f"{folder!r} cannot name an environment; use letters, digits, dots and dashes.")
            continue
        for kind in kinds:
            found.append(Environment(_free(name, kind, found), kind, folder))
    if len(found) > MOST:
        remarks.append(f"There are {count(len(found), 'environment')}; the first {MOST} are looked at.")
    return Found(tuple(found[:MOST]), tuple(remarks))


def of_lock(path: str) -> Environment:
    """The environment whose lock is at this path, called after its folder though it may be the second one there."""
    folder, _, name = path.rpartition("/")
    return Environment(folder.rpartition("/")[2] or DEFAULT, _KINDS[name], folder)


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _folders(listed: frozenset[str], overlays: str) -> Iterator[str]:
    yield ""
    inside = {path.rpartition("/")[0] for path in listed if path.startswith(f"{overlays}/")}
    yield from sorted(folder for folder in inside if folder != overlays)


def _is_there(kind: Kind, folder: str, listed: frozenset[str]) -> bool:
    """A Pipfile may still want its first lock; the other two manifests have uses without one."""
    manifest, lock = (_in(folder, name) for name in _FILES[kind])
    return manifest in listed and (kind == "pipfile" or lock in listed)


def _free(name: str, kind: Kind, found: list[Environment]) -> str:
    taken = {each.name.lower() for each in found}
    if name.lower() not in taken:
        return name
    wanted = kind if name == DEFAULT else f"{name}-{kind}"
    return wanted if wanted.lower() not in taken else f"{wanted}-{len(found)}"
