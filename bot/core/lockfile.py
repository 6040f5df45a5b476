"""Pipfile.lock as pipenv writes it: text ↔ values, and the requirements that an installer reads.

Standard library only: the first step of `make` imports this module before anything is installed.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

PIPFILE_SECTIONS = {"packages": "default", "dev-packages": "develop"}
"""Pipfile section → Pipfile.lock section; every other category keeps its name."""


def lock_section(category: str) -> str:
    """The Pipfile.lock section in which pipenv locks a Pipfile category."""
    return PIPFILE_SECTIONS.get(category, category)


def requirements(lock: Mapping[str, Any], categories: Iterable[str]) -> str:
    """Hashed requirements of the named categories, one line a package, for `uv pip sync --require-hashes`.

    An entry without a version was left out for the platform that the lock was made on, and is left out here.
    Raises ValueError where two of the categories pin one package differently or a category is not in the lock.
    """
    categories = tuple(categories)
    lines: dict[str, str] = {}
    for category in categories:
        section = lock.get(lock_section(category))
        if section is None:
            raise ValueError(f"Pipfile.lock has no category {category!r}; run `pipenv lock`.")
        for name, entry in section.items():
            if entry.get("version", "*") == "*":
                continue
            line = _requirement(name, entry)
            if lines.setdefault(name, line).split(" ")[0] != line.split(" ")[0]:
                raise ValueError(f"The categories {', '.join(categories)} pin {name} to different versions.")
    return "".join(f"{line}\n" for _, line in sorted(lines.items()))


def _requirement(name: str, entry: Mapping[str, Any]) -> str:
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    hashes = "".join(f" --hash={digest}" for digest in entry.get("hashes", ()))
    return f"{name}{extras}{entry['version']}{marker}{hashes}"


def parse(text: str) -> dict[str, Any]:
    """The lock's document; raises ValueError naming the line when it is not JSON or not a lock."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"Pipfile.lock is not JSON: {error}; run `pipenv lock`.") from error
    if not isinstance(document, dict) or not isinstance(document.get("_meta"), dict):
        raise ValueError("Pipfile.lock has no _meta section; run `pipenv lock`.")
    for name, section in document.items():
        if not isinstance(section, dict) or (name != "_meta" and not all(map(_is_entry, section.values()))):
            raise ValueError(f"The section {name!r} of Pipfile.lock is not a table of packages; run `pipenv lock`.")
    return document


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("version", ""), str)


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
