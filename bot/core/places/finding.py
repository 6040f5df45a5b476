"""Which form a file has, and the versions in it."""

import re
from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

from bot.core.errors import Refused
from bot.core.places import ini, marked, python, structured, toml
from bot.core.places.span import Place, rewrite

USUAL = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "version.py",
    "_version.py",
    "__about__.py",
    "app.py",
    "wsgi.py",
    "CITATION.cff",
    "openapi.yaml",
    "openapi.yml",
    "openapi.json",
    "Chart.yaml",
    "VERSION",
)
"""Where a version usually stands, at the root of a repository."""
_IN_PACKAGE = re.compile(r"(?:src/)?[A-Za-z_]\w*/(?:__init__|__about__|version|_version)\.py", re.ASCII)
_TEST = re.compile(r"(?:tests?|testing|docs?|examples?|scripts|notebooks|benchmarks?)/")
_MOST = 60
_STRUCTURED = (".cff", ".json", ".yaml", ".yml")
_INI = (".cfg", ".ini")


def read(path: str, text: str) -> tuple[Place, ...]:
    """The places in the file, which all say one version; raises Refused where there is none, or they contradict."""
    found = find(path, text)
    if not found:
        raise Refused(f"{path} has no version in a form that Bolide knows; {_remedy(path)}.")
    for place in found:
        _check(place)
    versions = {Version(place.version) for place in found}
    if len(versions) > 1:
        said = ", ".join(f"{place.name} says {place.version}" for place in found)
        raise Refused(f"The versions in {path} contradict one another: {said}; make them agree.")
    # One text may have two names, as in `version = __version__ = "1.2.3"`.
    return tuple({(place.start, place.end): place for place in found}.values())


def write(path: str, text: str, version: str) -> str:
    """The text with the version in every place of `read`; everything around it is untouched."""
    written = rewrite(text, read(path, text), version)
    if {str(Version(place.version)) for place in read(path, written)} != {version}:
        raise Refused(f"{path} would not say {version} after the change; write its version as a plain text.")
    return written


def find(path: str, text: str) -> list[Place]:
    """The places in the file as they stand; raises Refused for a file that cannot be read."""
    if (places := marked.find(path, text)) is not None:
        return places
    name = path.rpartition("/")[2]
    if path.endswith(".py"):
        return python.find(path, text)
    if path.endswith(".toml"):
        return toml.find(path, text)
    if path.endswith(_INI):
        return ini.find(path, text)
    if path.endswith(_STRUCTURED):
        return structured.find(path, text)
    if name in ("VERSION", "VERSION.txt", "version.txt", ".version"):
        word = re.fullmatch(r"\ufeff?\s*v?(?P<version>\S+)\s*", text)
        return [Place(path, word["version"], *word.span("version"))] if word else []
    return []


def usual(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths where a version usually stands, of those that there are: at the root, then in packages."""
    known = frozenset(paths)
    root = [path for path in USUAL if path in known]
    return (*root, *sorted(path for path in known if _IN_PACKAGE.fullmatch(path) and not _TEST.match(path)))[:_MOST]


def _check(place: Place) -> None:
    try:
        Version(place.version)
    except InvalidVersion as problem:
        raise Refused(
            f"{place.name} says {place.version[:80]!r}, which is no version (PEP 440); write for example 1.2.3."
        ) from problem


def _remedy(path: str) -> str:
    if path.endswith(".py"):
        return 'write `__version__ = "1.2.3"` in it'
    if path.endswith(".toml"):
        return 'write `version = "1.2.3"` under [project]'
    return f"end the line where it stands with a comment `{marked.MARK}`"
