"""What Thoth's clients send is read strictly, and what they read has nothing null where they take none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.advisor.thoth import Stack, advise_report, advised, checked, metadata, not_advised, project, read_stack
from bot.core.advice import Row
from bot.core.errors import Refused

PIPFILE = '[packages]\nflask = "*"\n'


def body(**changes: Any) -> dict[str, Any]:
    return {"application_stack": {"requirements": PIPFILE, "requirements_lock": "", **changes}}


def test_the_least_that_a_client_sends_is_enough() -> None:
    assert read_stack(body(), "stable") == Stack(PIPFILE, "")
    assert read_stack(body(requirements_lock=None), "stable") == Stack(PIPFILE, "")


def test_the_runtime_environment_names_the_python() -> None:
    sent = {**body(requirements_lock="{}"), "runtime_environment": {"python_version": "3.11", "name": "n" * 500}}
    assert read_stack(sent, "latest") == Stack(PIPFILE, "{}", "latest", "3.11", "n" * 100)


@pytest.mark.parametrize(
    ("sent", "recommendation", "said"),
    [
        ([], "stable", "the body is no JSON object"),
        ({}, "stable", "application_stack is no JSON object"),
        ({"application_stack": "x"}, "stable", "application_stack is no JSON object"),
        (body(requirements=" "), "stable", "application_stack.requirements has no Pipfile"),
        (body(requirements={"packages": {}}), "stable", "application_stack.requirements has no Pipfile"),
        (body(requirements_lock={"default": {}}), "stable", "requirements_lock is no text"),
        (body(), "newest", "recommendation_type is 'newest'; take one of latest, stable"),
        ({**body(), "runtime_environment": "3.11"}, "stable", "runtime_environment is no JSON object"),
        ({**body(), "runtime_environment": {"python_version": 3.11}}, "stable", "that is no text"),
        ({**body(), "runtime_environment": {"name": ["a"]}}, "stable", "that is no text"),
        (
            {**body(), "runtime_environment": {"python_version": "--pre"}},
            "stable",
            "python_version is '--pre'; write it",
        ),
    ],
)
def test_what_is_missing_or_of_the_wrong_kind_is_named(sent: object, recommendation: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_stack(sent, recommendation)


def test_advice_carries_both_documents_the_reasons_and_the_graph() -> None:
    row = Row("INFO", "flask (new) → 3.1.0", "https://pypi.org/simple/flask/", "flask", "uv", "2026-11-23")
    graph = {"flask": (), "Werkzeug": ("flask",), "markupsafe": ("jinja2", "werkzeug")}
    report = advise_report({"packages": {"flask": "*"}}, {"_meta": {}}, graph, [row], [row], {"name": "n"})
    (product,) = report["products"]
    assert product["project"]["requirements"] == {"packages": {"flask": "*"}}
    assert product["project"]["requirements_locked"] == {"_meta": {}}
    assert product["justification"][0]["package_name"] == "flask"
    nodes = product["dependency_graph"]["nodes"]
    edges = {(nodes[parent], nodes[child]) for parent, child in product["dependency_graph"]["edges"]}
    assert edges == {("flask", "werkzeug"), ("jinja2", "markupsafe"), ("werkzeug", "markupsafe")}
    assert advised(report, {})["error"] is False


def test_what_cannot_be_advised_or_checked_is_told_in_a_sentence() -> None:
    assert not_advised("No.", {"debug": "1"}) == {
        "error": True,
        "error_msg": "No.",
        "parameters": {"debug": "1"},
        "report": None,
    }
    told = checked((), project({}, {}), "The index is away.")
    assert (told["error"], told["report"][0]["justification"]) == (True, "The index is away.")
    assert checked([{"id": "X"}], project({}, {}))["report"] == [{"id": "X"}]


def test_nothing_about_an_analysis_is_null_and_nothing_is_of_the_machine() -> None:
    started = datetime(2026, 11, 23, 9, tzinfo=UTC)
    told = metadata("adviser-1-a", "adviser", {}, started, 1.6, "0.1")
    assert (told["duration"], told["document_id"], told["hostname"]) == (2, "adviser-1-a", "bolide")
    assert metadata("p-1-a", "provenance-checker", {}, started, 0, "0.1")["analyzer"] == "bolide-provenance"

    def values(value: object) -> list[object]:
        return [leaf for inner in value.values() for leaf in values(inner)] if isinstance(value, dict) else [value]

    assert None not in values(told)
