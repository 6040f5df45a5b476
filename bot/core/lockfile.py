"""Pipfile.lock as pipenv writes it: text ↔ values, and the requirements that an installer reads.

Standard library only: the first step of `make` imports this module before anything is installed.
"""

import json
from collections.abc import Iterable
from typing import Any

PIPFILE_SECTIONS = {"packages": "default", "dev-packages": "develop"}
"""Pipfile section → Pipfile.lock section; every other category keeps its name."""


def lock_section(category: str) -> str:
    """The Pipfile.lock section in which pipenv locks a Pipfile category."""
    return PIPFILE_SECTIONS.get(category, category)


def requirements(lock: dict[str, Any], categories: Iterable[str]) -> str:
    """Hashed requirements of the named categories, one line a package, for `uv pip sync --require-hashes`.

    Raises ValueError where two of the categories pin one package differently or a category is not in the lock.
    """
    lines: dict[str, str] = {}
    for category in categories:
        section = lock.get(lock_section(category))
        if section is None:
            raise ValueError(f"Pipfile.lock has no category {category!r}; run `pipenv lock`.")
        for name, entry in section.items():
            line = _requirement(name, entry)
            if lines.setdefault(name, line).split(" ")[0] != line.split(" ")[0]:
                raise ValueError(f"The categories {', '.join(categories)} pin {name} to different versions.")
    return "".join(f"{line}\n" for _, line in sorted(lines.items()))


def _requirement(name: str, entry: dict[str, Any]) -> str:
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    hashes = "".join(f" --hash={digest}" for digest in entry.get("hashes", ()))
    return f"{name}{extras}{entry['version']}{marker}{hashes}"


def parse(text: str) -> dict[str, Any]:
    """The lock's document; raises ValueError naming the line when it is not JSON or not a lock."""
    document = json.loads(text)
    if not isinstance(document, dict) or "_meta" not in document:
        raise ValueError("Pipfile.lock has no _meta section; run `pipenv lock`.")
    return document
