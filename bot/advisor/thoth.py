"""What Thoth's clients send and read: requests as values, documents in the shapes that thamos accepts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from packaging.utils import canonicalize_name

from bot.core.advice import TYPES, RecommendationType, Row
from bot.core.errors import Refused

AnalysisKind = Literal["adviser", "provenance-checker"]
_LONGEST_NAME = 100
_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,2})?", re.ASCII)


def row_document(row: Row) -> dict[str, str]:
    """The row as JSON; no value is null, because the client takes none."""
    return {
        "type": row.type,
        "message": row.message,
        "link": row.link,
        "package_name": row.package,
        "source": row.source,
        "date": row.date,
    }


@dataclass(frozen=True, slots=True)
class Stack:
    """What a client asks about: Pipfile and lock as text (empty: none), and what it is to run on."""

    pipfile: str
    lock: str
    recommendation: RecommendationType = "stable"
    python: str = ""
    environment: str = ""


def read_stack(body: object, recommendation: str) -> Stack:
    """The stack in a decoded request. Raises Refused naming the field that is missing or of the wrong kind."""
    stack = _table(body, "the body").get("application_stack")
    told = _table(stack, "application_stack")
    pipfile, lock = told.get("requirements"), told.get("requirements_lock") or ""
    if not isinstance(pipfile, str) or not pipfile.strip():
        raise Refused("application_stack.requirements has no Pipfile; send its text.")
    if not isinstance(lock, str):
        raise Refused("application_stack.requirements_lock is no text; send that of Pipfile.lock.")
    known = next((each for each in TYPES if each == recommendation), None)
    if known is None:
        raise Refused(f"recommendation_type is {recommendation[:40]!r}; take one of {', '.join(TYPES)}.")
    runtime = _table(_table(body, "the body").get("runtime_environment") or {}, "runtime_environment")
    python, name = runtime.get("python_version") or "", runtime.get("name") or ""
    if not isinstance(python, str) or not isinstance(name, str):
        raise Refused("runtime_environment has a name or a python_version that is no text.")
    if python and not _PYTHON.fullmatch(python):
        raise Refused(f'runtime_environment.python_version is {python[:20]!r}; write it such as "3.11".')
    return Stack(pipfile, lock, known, python, name[:_LONGEST_NAME])


def _table(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused(f"{name} is no JSON object.")
    return value


def advise_report(
    pipfile: Mapping[str, Any],
    lock: Mapping[str, Any],
    required_by: Mapping[str, Sequence[str]],
    justification: Sequence[Row],
    stack_info: Sequence[Row],
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """The report with the one advised product: Pipfile and lock as documents, why, and who requires whom."""
    product = {
        "project": {
            "requirements": dict(pipfile),
            "requirements_locked": dict(lock),
            "constraints": [],
            "runtime_environment": dict(environment),
        },
        "score": 0.0,
        "justification": [row_document(row) for row in justification],
        "dependency_graph": _graph(required_by),
        "advised_manifest_changes": [],
        "advised_runtime_environment": None,
    }
    units: dict[str, list[str]] = {name: [] for name in ("boots", "pseudonyms", "sieves", "steps", "strides", "wraps")}
    return {
        "products": [product],
        "stack_info": [row_document(row) for row in stack_info],
        "pipeline": units,
        "accepted_final_states_count": 1,
        "discarded_final_states_count": 0,
        "resolver_iterations": 1,
    }


def _graph(required_by: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    names = sorted(
        {canonicalize_name(name) for name in (*required_by, *(n for ns in required_by.values() for n in ns))}
    )
    places = {name: place for place, name in enumerate(names)}
    edges = [
        [places[canonicalize_name(parent)], places[canonicalize_name(name)]]
        for name, parents in sorted(required_by.items())
        for parent in parents
    ]
    return {"nodes": names, "edges": edges}


def advised(report: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The result of advice that was found."""
    return {"error": False, "error_msg": "", "parameters": dict(parameters), "report": dict(report)}


def not_advised(sentence: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The result of advice that could not be given, with the sentence that the client shows."""
    return {"error": True, "error_msg": sentence, "parameters": dict(parameters), "report": None}


def checked(findings: Sequence[Mapping[str, Any]], project: Mapping[str, Any], error: str = "") -> dict[str, Any]:
    """The result of a provenance check: its findings, or the sentence why it could not be made."""
    shown = [{"type": "ERROR", "id": "NOT-CHECKED", "justification": error}] if error else list(findings)
    return {
        "error": bool(error),
        "error_msg": error,
        "input": None,
        "parameters": {"project": dict(project), "whitelisted_sources": []},
        "report": [dict(finding) for finding in shown],
    }


def project(pipfile: Mapping[str, Any], lock: Mapping[str, Any]) -> dict[str, Any]:
    """A project as the client's model wants it, nothing null."""
    return {
        "requirements": dict(pipfile),
        "requirements_locked": dict(lock),
        "constraints": [],
        "runtime_environment": {},
    }


def metadata(
    document_id: str, kind: AnalysisKind, arguments: Mapping[str, Any], started: datetime, seconds: float, version: str
) -> dict[str, Any]:
    """About the analysis; nothing of the machine that made it, but for empty words where the client wants some."""
    return {
        "analyzer": "bolide" if kind == "adviser" else "bolide-provenance",
        "analyzer_version": version,
        "arguments": dict(arguments),
        "datetime": started.isoformat(timespec="seconds"),
        "distribution": {
            "codename": "",
            "id": "",
            "like": "",
            "version": "",
            "version_parts": {"build_number": "", "major": "", "minor": ""},
        },
        "document_id": document_id,
        "duration": round(seconds),
        "hostname": "bolide",
        "os_release": {},
        "python": {
            "api_version": 0,
            "implementation_name": "",
            "major": 0,
            "micro": 0,
            "minor": 0,
            "releaselevel": "",
            "serial": 0,
        },
        "thoth_deployment_name": "bolide",
        "timestamp": round(started.timestamp()),
    }
