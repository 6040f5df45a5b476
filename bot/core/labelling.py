"""Which labels a pull request should have: its size, what its title says, what it touches, whether it can be merged."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from bot.core.kinds import Plain, Words
from bot.core.recipe import Names
from bot.core.sections import Needed

SIZES = (("size/XS", 10), ("size/S", 30), ("size/M", 100), ("size/L", 500), ("size/XL", 1000))
LARGEST = "size/XXL"
NEEDS_REBASE = "needs-rebase"
_CONVENTIONAL = re.compile(r"(?P<type>[a-z]{2,12})(?:\((?P<scope>[^()]{1,60})\))?(?P<breaking>!)?: ")
_TYPES = {
    "feat": "enhancement",
    "fix": "bug",
    "docs": "documentation",
    "perf": "performance",
    "test": "tests",
    "ci": "ci",
    "build": "build",
    "refactor": "refactoring",
}


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A label for what a pull request touches."""

    label: Annotated[str, Plain(), "the label", Needed("training")] = ""
    paths: Annotated[Names, Words(1), "patterns of paths, such as `training/*`", Needed("[training/*]")] = ()


@dataclass(frozen=True, slots=True)
class Pull:
    """An open pull request: `conflicts` is None while GitHub does not know; `paths` are its first hundred."""

    number: int
    title: str
    lines: int
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    conflicts: bool | None


@dataclass(frozen=True, slots=True)
class Labelling:
    """What is to be added and taken away."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


def labelling(pull: Pull, rules: Iterable[LabelRule]) -> Labelling:
    """Size and needs-rebase are kept up to date; what title and paths suggest is only ever added."""
    size = next((label for label, below in SIZES if pull.lines < below), LARGEST)
    wanted = [size, *_of_title(pull.title), *_of_paths(pull.paths, rules)]
    kept = {label for label, _ in SIZES} | {LARGEST}
    if pull.conflicts is not None:
        kept.add(NEEDS_REBASE)
        wanted += [NEEDS_REBASE] if pull.conflicts else []
    add = tuple(label for label in dict.fromkeys(wanted) if label not in pull.labels)
    return Labelling(add, tuple(label for label in pull.labels if label in kept and label not in wanted))


def _of_title(title: str) -> list[str]:
    found = _CONVENTIONAL.match(title)
    if not found:
        return []
    labels = ["breaking"] if found["breaking"] else []
    if found["scope"] in ("deps", "deps-dev"):
        return [*labels, "dependencies"]
    return [*labels, *([_TYPES[found["type"]]] if found["type"] in _TYPES else [])]


def _of_paths(paths: tuple[str, ...], rules: Iterable[LabelRule]) -> list[str]:
    return [rule.label for rule in rules if any(fnmatchcase(path, pattern) for path in paths for pattern in rule.paths)]
