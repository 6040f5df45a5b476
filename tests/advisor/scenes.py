"""Scenarios as JSON files: what the index, the advisories and the rules have, what is locked, what is to be said."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.advisor.knowledge import Knowledge, Stack
from bot.advisor.prescriptions import read
from bot.core import advisories
from bot.core.candidates import Target
from bot.core.packages import File, Project

FOLDER = Path(__file__).with_name("scenarios")
PYPI = "https://pypi.org/simple"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
CUTOFF = datetime(2026, 11, 16, tzinfo=UTC)
TARGET = Target("3.11.4", frozenset({"py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"}))


def scenarios() -> list[Any]:
    return [(path.stem, json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]


def knowledge(told: Mapping[str, Any]) -> Knowledge:
    projects = {name: _project(name, releases) for name, releases in told.get("index", {}).items()}
    known = told.get("advisories", [])
    checked: advisories.Checked | advisories.NotChecked = advisories.NotChecked("Nobody answered.")
    if isinstance(known, list):
        checked = advisories.Checked(advisories.merged(map(advisories.read, known)), "the test", NOW)
    rules = read({"units": told.get("rules", {})}, "rules.yaml")
    assert rules.remarks == ()
    homes = dict.fromkeys({*projects, *told.get("lock", {})}, PYPI)
    return Knowledge(NOW, TARGET, CUTOFF, projects, homes | told.get("homes", {}), checked, rules.units)


def locked(told: Mapping[str, Any]) -> Stack:
    return Stack(told["lock"], frozenset(told.get("direct", [])))


def _project(name: str, releases: Mapping[str, Any]) -> Project:
    return Project(name, {version: (_file(name, version, one),) for version, one in releases.items()})


def _file(name: str, version: str, told: Mapping[str, Any]) -> File:
    tag = told.get("tag", "py3-none-any")
    filename = f"{name}-{version}-{tag}.whl" if tag else f"{name}-{version}.tar.gz"
    day = told.get("day", "2026-01-01")
    uploaded = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    yanked, python = told.get("yanked", False), told.get("python", "")
    return File(filename, version, "0" * 64, 1, uploaded, python, yanked, "wheel" if tag else "sdist", "", False)  # noqa: FBT003
