"""Pipfile.lock as pipenv writes it: text ↔ values, and the requirements that an installer reads.

Standard library only: the first step of `make` imports this module before anything is installed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.core.mergemarks import conflict

PIPFILE_SECTIONS = {"packages": "default", "dev-packages": "develop"}
"""Pipfile section → Pipfile.lock section; every other category keeps its name."""
_NOT_FROM_AN_INDEX = ("path", "file", "git", "hg", "svn", "bzr", "editable", "uri")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"\*|={2,3}[A-Za-z0-9][A-Za-z0-9._!+-]*")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
# Quoted text has nothing that a requirements file could read as an option, a comment, a variable or a new line.
_TEXT = r"(?:(?!--)[^'\"\\$#\x00-\x1f\x7f-\U0010ffff])*"
_MARKER = re.compile(rf"(?:[A-Za-z_. ()<>=!~]|'{_TEXT}'|\"{_TEXT}\")*")


def lock_section(category: str) -> str:
    """The Pipfile.lock section in which pipenv locks a Pipfile category."""
    return PIPFILE_SECTIONS.get(category, category)


def requirements(lock: Mapping[str, Any], categories: Iterable[str]) -> str:
    """Hashed requirements of the named categories, one line a package, for `uv pip sync --require-hashes`.

    An entry without a version was left out for the platform that the lock was made on, and is left out here.
    Raises ValueError where two of the categories pin one package differently, a category is not in the lock, or an
    entry could be read as anything but a pinned package: the installer gets no line that was not checked here.
    """
    categories = tuple(categories)
    lines: dict[str, str] = {}
    versions: dict[str, str] = {}
    for category in categories:
        section = lock.get(lock_section(category))
        if section is None:
            raise ValueError(f"Pipfile.lock has no category {category!r}; run `pipenv lock`.")
        _check_section(lock_section(category), section)
        for name, entry in section.items():
            if entry.get("version", "*") == "*":
                continue
            # Extras may differ: what they ask for is in the lock by itself.
            lines.setdefault(name, _requirement(name, entry))
            if versions.setdefault(name, entry["version"]) != entry["version"]:
                raise ValueError(f"The categories {', '.join(categories)} pin {name} to different versions.")
    return "".join(f"{line}\n" for _, line in sorted(lines.items()))


def without_wheels(lock: Mapping[str, Any], categories: Iterable[str]) -> frozenset[str]:
    """The names of the packages that the categories' Pipfile says to build (`no_binary = true`)."""
    entries = (lock.get(lock_section(category), {}).items() for category in categories)
    return frozenset(name for section in entries for name, entry in section if entry.get("no_binary") is True)


def indexes(lock: Mapping[str, Any], categories: Iterable[str]) -> dict[str, str]:
    """Name → address of the indexes that the packages of the categories are locked from; what is no source is left out.

    A package that names no index comes from the first one.
    """
    told = lock["_meta"].get("sources")
    sources = [source for source in told if isinstance(source, dict)] if isinstance(told, list) else []
    known = {str(source.get("name", "")): str(source.get("url", "")) for source in sources}
    entries = (entry for category in categories for entry in lock.get(lock_section(category), {}).values())
    named = {str(entry.get("index") or next(iter(known), "")) for entry in entries}
    return {name: url for name, url in known.items() if name in named}


def _requirement(name: str, entry: Mapping[str, Any]) -> str:
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    hashes = "".join(f" --hash={digest}" for digest in entry.get("hashes", ()))
    return f"{name}{extras}{entry['version']}{marker}{hashes}"


def parse(text: str) -> dict[str, Any]:
    """The lock's document; raises ValueError naming the line that is not JSON, or the entry that is none."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        if problem := conflict(text):
            raise ValueError(f"Pipfile.lock {problem}") from error
        raise ValueError(f"Pipfile.lock is not JSON: {error}; run `pipenv lock`.") from error
    if not isinstance(document, dict) or not isinstance(document.get("_meta"), dict):
        raise ValueError("Pipfile.lock has no _meta section; run `pipenv lock`.")
    for name, section in document.items():
        if name != "_meta":
            _check_section(name, section)
    return document


def _check_section(name: str, section: object) -> None:
    if not isinstance(section, Mapping):
        raise ValueError(f"The section {name!r:.80} of Pipfile.lock is not a table of packages; run `pipenv lock`.")
    for package, entry in section.items():
        if problem := _problem(package, entry):
            raise ValueError(
                f"{package!r:.80} in the section {name!r:.80} of Pipfile.lock {problem}; run `pipenv lock`."
            )


def _problem(name: object, entry: object) -> str:
    """What keeps an entry from being one pinned package, as the rest of a sentence, or ""."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "is not a package name"
    if not isinstance(entry, Mapping):
        return "is not a table"
    if "version" not in entry and any(entry.get(key) for key in _NOT_FROM_AN_INDEX):
        return ""  # kept as it is and never installed from an index
    if not _is(_VERSION, entry.get("version", "*")):
        return 'has no version such as "==1.2"'
    if not _are(_NAME, entry.get("extras", [])):
        return "has extras that are not a list of names"
    if not _are(_HASH, entry.get("hashes", [])):
        return "has hashes that are not a list of sha256 sums"
    if not _is(_MARKER, entry.get("markers", "")):
        return "has markers that are not a condition (PEP 508)"
    if not isinstance(entry.get("index", ""), str):
        return "has an index that is not a name"
    return ""


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _are(pattern: re.Pattern[str], values: object) -> bool:
    return isinstance(values, list | tuple) and all(_is(pattern, value) for value in values)


def render(document: Mapping[str, Any]) -> str:
    """The text of a lock, byte for byte as pipenv writes it: sorted keys, four spaces, a newline at the end."""
    return json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"


def sections(lock: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The package sections of a lock, `default` and `develop` and the categories' own, without `_meta`."""
    return {name: section for name, section in lock.items() if name != "_meta"}


def locked_hash(lock: Mapping[str, Any]) -> str:
    """The hash of the Pipfile for which the lock was made, empty where it tells none."""
    told = lock["_meta"].get("hash")
    return str(told.get("sha256", "")) if isinstance(told, dict) else ""
