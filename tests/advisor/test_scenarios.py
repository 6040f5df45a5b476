"""What is said of a lock, what it needs, and what a better one must do without: told by the scenario files."""

from typing import Any

import pytest

from bot.advisor import explain, sieves
from bot.advisor.policy import POLICIES
from tests.advisor.scenes import knowledge, locked, scenarios

SCENARIOS = scenarios()


@pytest.mark.parametrize("told", [told for _, told in SCENARIOS], ids=[name for name, _ in SCENARIOS])
def test_a_scenario_is_judged_as_its_file_says(told: Any) -> None:
    known, stack, policy = knowledge(told), locked(told), POLICIES["stable"]
    rows = explain.rows(stack, known, policy)
    assert [[row.type, row.package, row.message] for row in rows] == told["rows"]
    assert all(row.date for row in rows)
    assert all(row.source for row in rows if row.package and "not checked" not in row.message)
    assert [[fix.package, fix.current, fix.minimum] for fix in explain.fixes(stack, known)] == told["fixes"]
    hits = {hit.key: _told(hit) for hit in sieves.exclusions(stack.pins, known, policy)}
    assert hits == told["exclusions"]


def _told(hit: sieves.Hit) -> str:
    return " or ".join(sieves.constraint(name, held) for name, held in hit.options if held)
