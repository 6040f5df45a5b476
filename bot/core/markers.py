"""Markers in pipenv's spelling: what it makes of requires-python, and of the conditions in a Pipfile entry."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bot.core.pipfile import MARKER_KEYS

_LAST_MINOR = {1: 7, 2: 7, 3: 11, 4: 0}
"""Up to these versions pipenv rewrites `>3.8` to `>=3.9` and `<=3.8` to `<3.9`."""
_Release = tuple[int | str, ...]


def python_marker(requires_python: str) -> str:
    """The marker that pipenv writes for an index's requires-python, or "" for none and for what is not a specifier."""
    written = requires_python.strip()
    if not written or written.lower() in ("*", "any", "<any>"):
        return ""
    if written[0] not in "<>=!~":
        written = f"=={written}"
    parts = (part.strip().removesuffix(".*").rstrip("*") for part in written.split(","))
    try:
        clauses = {
            _half_open(spec.operator, _release(spec.version)) for spec in dict.fromkeys(SpecifierSet(",".join(parts)))
        }
    except (InvalidSpecifier, ValueError):
        return ""
    return _spelled(" and ".join(_condition(*clause) for clause in _joined(clauses)))


def _release(version: str) -> _Release:
    parts = version.split(".")
    return tuple(int(part) if place < 2 else part for place, part in enumerate(parts))


def _half_open(operator: str, release: _Release) -> tuple[str, _Release]:
    """The clause as an end of a half-open range where pipenv prefers that."""
    rewritten = {">": ">=", "<=": "<"}.get(operator)
    if rewritten is None:
        return operator, release
    major, minor = int(release[0]), int(release[1]) + 1 if len(release) > 1 else 1
    if minor > _LAST_MINOR.get(major, -1):
        return operator, release
    return rewritten, (major, minor)


def _joined(clauses: Iterable[tuple[str, _Release]]) -> list[tuple[str, str]]:
    """One clause for each operator and precision, lowest version first."""
    ordered = sorted(((op, len(release) > 2), release) for op, release in clauses)
    result: list[tuple[str, str]] = []
    for (operator, _), group in groupby(ordered, key=lambda item: item[0]):
        releases = [release for _, release in group]
        if operator in (">", ">="):
            result.append((operator, _dotted(releases[0])))
        elif operator in ("<", "<="):
            result.append((operator, _dotted(releases[-1])))
        elif operator == "!=":
            result += [(operator, _dotted(release)) for release in releases]
        else:
            many = operator == "==" and len(releases) > 1
            result.append(("in" if many else operator, ", ".join(sorted(map(_dotted, releases), key=_order))))
    return sorted(result, key=lambda item: _order(item[1]))


def _dotted(release: _Release) -> str:
    return ".".join(map(str, release))


def _order(version: str) -> tuple[int, tuple[int, ...], str]:
    first = version.split(",")[0].split(".")
    return (0, tuple(map(int, first)), version) if all(part.isdigit() for part in first) else (1, (), version)


def _condition(operator: str, version: str) -> str:
    if operator == "in":
        return f"({' or '.join(_condition('==', one) for one in version.split(', '))})"
    variable = "python_full_version" if re.search(r"\d+\.\d+\.\d+", version) else "python_version"
    return f"{variable} {operator} '{version}'"


def _spelled(marker: str) -> str:
    """The marker as the lock has it: normal spacing, single quotes."""
    return str(Marker(marker)).replace('"', "'")


def folded(entry: str | Mapping[str, Any]) -> str:
    """The condition of a Pipfile entry that pipenv also puts on all that the entry brings in."""
    if isinstance(entry, str):
        return ""
    keys = (("sys_platform", "sys_platform "), ("markers", ""), ("platform_machine", "platform_machine "))
    return " and ".join(f"({prefix}{entry[key]})" for key, prefix in keys if entry.get(key))


def inherited(marker: str) -> str:
    """The marker of a package that the Pipfile does not name; a condition on an extra is left out."""
    return "" if not marker or "extra" in marker else _spelled(marker)


def direct_marker(entry: str | Mapping[str, Any], name: str, requires_python: str) -> str:
    """The marker of a package that the Pipfile names; the entry's own conditions replace requires-python.

    pipenv joins the same condition from up to three places, so `sys_platform` keys are repeated in its locks.
    """
    if isinstance(entry, str):
        return python_marker(requires_python)
    return _translated(entry, _merged(entry, name, requires_python) if "markers" not in entry else entry["markers"])


def left_out_marker(entry: str | Mapping[str, Any]) -> str:
    """All conditions of an entry once; pipenv writes only those under `markers` and would install the rest anywhere."""
    return "" if isinstance(entry, str) else _translated(entry, entry.get("markers", ""))


def _merged(entry: Mapping[str, Any], name: str, requires_python: str) -> str:
    marker = folded(entry) or python_marker(requires_python)
    additions = [_requested(entry)] if name == name.lower().replace("_", "-") else []
    additions += [f"os_name {entry['os_name']}"] if "os_name" in entry else []
    for addition in filter(None, additions):
        if not marker:
            marker = addition
        elif addition not in marker:
            marker = f"({marker}) and ({addition})"
    return inherited(marker)


def _requested(entry: Mapping[str, Any]) -> str:
    conditions = {str(Marker(f"{key} {entry[key]}")) for key in MARKER_KEYS if key in entry and key != "os_name"}
    return str(Marker(" and ".join(sorted(conditions)))) if conditions else ""


def _translated(entry: Mapping[str, Any], marker: str) -> str:
    conditions = {str(Marker(marker))} if marker and "extra" not in marker else set()
    conditions |= {str(Marker(f"{key} {entry[key]}")) for key in MARKER_KEYS if key in entry and key != "os_name"}
    return _spelled(" and ".join(sorted(conditions))) if conditions else ""
