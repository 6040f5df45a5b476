"""Advice in SARIF 2.1.0, which GitHub's code scanning and editors read."""

import re
from collections.abc import Sequence
from typing import Any

from bot import __version__
from bot.core.advice import Recommendation, Row
from bot.core.environments import Environment

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"ERROR": "error", "WARNING": "warning", "INFO": "note"}


def sarif(told: Sequence[tuple[Environment, Recommendation | str]]) -> dict[str, Any]:
    """One run with a result for each row, placed in its lock, and a notification for each lock without advice."""
    results = [_result(each, row) for each, found in told if not isinstance(found, str) for row in found.rows]
    failed = [_notification(each, found) for each, found in told if isinstance(found, str)]
    names = sorted({str(result["ruleId"]) for result in results})
    driver = {"name": "Bolide", "version": __version__, "rules": [{"id": name} for name in names]}
    invocation: dict[str, Any] = {"executionSuccessful": not failed}
    invocation |= {"toolExecutionNotifications": failed} if failed else {}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _notification(environment: Environment, trouble: str) -> dict[str, Any]:
    return {"level": "error", "message": {"text": f"No advice on {environment.lock}: {trouble}"}}


def _result(environment: Environment, row: Row) -> dict[str, Any]:
    """One row; its identity lasts while package, source and words stay."""
    place = {"artifactLocation": {"uri": environment.lock}, "region": {"startLine": 1}}
    return {
        "ruleId": _rule(row),
        "level": _LEVELS[row.type],
        "message": {"text": f"{row.message} (source: {row.source or 'none'}, as of {row.date})"},
        "locations": [{"physicalLocation": place}],
        "properties": {"package": row.package, "source": row.source, "date": row.date, "link": row.link},
    }


def _rule(row: Row) -> str:
    """What kind of finding it is: a rule's own name, else that of the package it is about."""
    rule = re.fullmatch(r"rule (\w+)", row.source)
    return f"rule/{rule[1]}" if rule else f"package/{row.package or 'advisories'}"
