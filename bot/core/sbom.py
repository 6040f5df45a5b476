"""The software bill of materials of a lock, as CycloneDX 1.6 in JSON."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_name

from bot.core.lockfile import sections

MEDIA = "application/vnd.cyclonedx+json"


def render(lock: Mapping[str, Any], name: str, version: str, at: datetime) -> str:
    """Every pinned package once for each of its versions, with the sha256 sums of its files and its categories."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for category, entries in sections(lock).items():
        for package, entry in entries.items():
            pin = str(entry.get("version") or entry.get("ref") or "").removeprefix("==")
            hashes, categories = found.setdefault((canonicalize_name(package), pin), (set(), set()))
            hashes |= {told.removeprefix("sha256:") for told in entry.get("hashes", ()) if told.startswith("sha256:")}
            categories.add(category)
    root = {"type": "application", "bom-ref": "root", "name": name, "version": version}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": at.isoformat(timespec="seconds"), "component": root},
        "components": [_component(key, *found[key]) for key in sorted(found)],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(key: tuple[str, str], hashes: set[str], categories: set[str]) -> dict[str, Any]:
    package, version = key
    url = f"pkg:pypi/{package}@{version}" if version else f"pkg:pypi/{package}"
    component: dict[str, Any] = {"type": "library", "bom-ref": url, "name": package, "purl": url}
    if version:
        component["version"] = version
    if hashes:
        component["hashes"] = [{"alg": "SHA-256", "content": content} for content in sorted(hashes)]
    component["properties"] = [{"name": "pipenv:category", "value": category} for category in sorted(categories)]
    return component
