"""policy.toml: the limits that exports and candidates must keep."""

import math
import tomllib
from dataclasses import dataclass, fields
from typing import Any

from training.config import HERE
from training.errors import StageError

PATH = HERE / "policy.toml"
FORMS = ("float", "int8")


@dataclass(frozen=True, slots=True)
class ExportPolicy:
    """Which form is served and why, and how near to Keras each must be: a share 0–1, and percentage points."""

    serve: str
    because: str
    least_agreement: float
    most_points_lost: float


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one configuration: shares 0–1, percentage points of accuracy, a probability, and ratios."""

    accuracy_floor: float
    recall_floor: float
    most_points_lost: float
    mcnemar_p: float
    latency_ratio: float
    size_ratio: float


def parse_policy(text: str, name: str) -> Policy:
    """The limits of one configuration; raises StageError naming the table or key that is missing or wrong."""
    table = _table(text, name, tuple(field.name for field in fields(Policy)))
    return Policy(**{key: _limit(table, key, name) for key in table})


def parse_export(text: str) -> ExportPolicy:
    """What exports must keep; raises StageError naming the table or key that is missing or wrong."""
    table = _table(text, "export", tuple(field.name for field in fields(ExportPolicy)))
    if table["serve"] not in FORMS:
        raise _wrong("export", f"serve is {table['serve']!r}, not one of {', '.join(FORMS)}")
    if not isinstance(table["because"], str) or not table["because"].strip():
        raise _wrong("export", "because is no sentence that says why that form is served")
    limits = {key: _limit(table, key, "export") for key in ("least_agreement", "most_points_lost")}
    return ExportPolicy(serve=table["serve"], because=table["because"], **limits)


def _table(text: str, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        table = tomllib.loads(text).get(name)
    except tomllib.TOMLDecodeError as problem:
        raise _wrong(name, str(problem)) from problem
    if not isinstance(table, dict):
        raise _wrong(name, "it is missing")
    for key in (*keys, *table):
        if key not in keys:
            raise _wrong(name, f"{key} is no limit")
        if key not in table:
            raise _wrong(name, f"{key} is missing")
    return table


def _limit(table: dict[str, Any], key: str, name: str) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _wrong(name, f"{key} is {value!r}, not a number from 0 on")
    return float(value)


def _wrong(name: str, reason: str) -> StageError:
    return StageError(f"The gate's policy has no valid table [{name}] ({reason}): correct {PATH}.")
