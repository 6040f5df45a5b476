"""Advice as people meet it: in update pull requests, and as answers to `/advise` and `/explain`."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from bot.adapters.rules import load
from bot.core.advisories import Checked, NotChecked, merged, read
from bot.core.candidates import Target
from bot.core.events import Pushed, Repository
from bot.core.packages import File
from bot.service.advising import Lore
from tests.managers.world import NOW, PIPFILE, World, lock


@dataclass(slots=True)
class MemoryAdvisories:
    """A source of advisories that can be away."""

    records: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        if self.away:
            return NotChecked("It did not answer.")
        told = merged(read(record) for record in self.records)
        return Checked(tuple(one for one in told if one.affected[0].package in names), "the test's advisories", NOW)


def advisory(name: str, package: str, first: str, fixed: str = "") -> dict[str, Any]:
    events = [{"introduced": first}, *([{"fixed": fixed}] if fixed else [])]
    affected = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": name, "affected": [affected]}


def world(*records: dict[str, Any], away: bool = False) -> World:
    lore = Lore(MemoryAdvisories(list(records), away), load().units, lambda request: Target("3.11.4", frozenset()))
    return World(lore=lore)


def answer(there: World, issue: int) -> str:
    (said,) = (body for (number, _), body in there.repository.comments.items() if number == issue)
    return said


def pull(there: World) -> str:
    """The body of the one pull request with what is new; that with what is unsafe is another."""
    opened = [pull for pull in there.repository.pulls.values() if pull.state == "open"]
    (body,) = (pull.body for pull in opened if pull.branch == "bolide/update")
    return body


async def test_an_update_says_which_advisory_it_fixes_and_what_was_checked() -> None:
    there = world(advisory("PYSEC-1", "flask", "0", "3.0"))
    await there.install()
    body = pull(there)
    assert "fixes [PYSEC-1](https://osv.dev/vulnerability/PYSEC-1) (fixed in 3.0)" in body
    assert "### Advice\n\nAdvisories: checked with the test's advisories, as of 2026-11-23." in body
    assert "| `flask` **direct** | 2.2.5 | 3.1.0 |" in body


async def test_a_vulnerable_release_is_not_proposed_and_stands_among_the_held_back() -> None:
    there = world(advisory("PYSEC-2", "werkzeug", "3.0"))
    await there.install()
    body = pull(there)
    assert "werkzeug" not in body.split("### Held back")[0].split("### What changed")[1]
    assert "| `werkzeug` | 2.2.3 | 3.1.0 | it is affected by PYSEC-2 (no fixed version is known)" in body


async def test_a_pair_that_a_rule_refuses_is_not_proposed() -> None:
    there = world()
    there.repository.push({"Pipfile": PIPFILE.replace('flask = "*"', 'flask = "<2.3"')})
    await there.install()
    body = pull(there)
    assert "the test client of Flask before 2.3.3 reads" in body
    assert "(rule FlaskTestsBeforeWerkzeug31" in body


async def test_what_no_resolution_can_do_without_stays_and_is_said() -> None:
    there = world(advisory("PYSEC-3", "flask", "0"))
    await there.install()
    body = pull(there)
    assert "| `flask` **direct** | 2.2.5 | 3.1.0 |" in body
    assert "| ❌ | flask | flask 3.1.0: it is affected by PYSEC-3 (no fixed version is known)." in body


async def test_advisories_that_cannot_be_reached_are_not_checked_and_never_none() -> None:
    there = world(away=True)
    await there.install()
    assert "Advisories: not checked. It did not answer." in pull(there)
    unasked = World()
    await unasked.install()
    assert "Advisories: not checked. No source of advisories is set." in pull(unasked)


@pytest.mark.parametrize("ask", ["/advise", "/advise default", "Kebechet Advise"])
async def test_advice_is_given_where_it_is_asked_for(ask: str) -> None:
    there = world(advisory("PYSEC-1", "flask", "0", "3.0"))
    number = await (there.commented(7, ask) if ask.startswith("/") else there.titled(ask))
    issue = 7 if number is None else number
    said = answer(there, issue)
    assert "**Advice for Pipfile.lock** (latest): 1 error, 2 warnings" in said
    assert "another lock is better" in said
    assert "flask 2.2.5: it is affected by PYSEC-1 (fixed in 3.0)." in said
    assert "Advisories: checked with the test's advisories, as of 2026-11-23." in said


async def test_advice_of_each_type_follows_the_configuration() -> None:
    there = world(advisory("PYSEC-1", "flask", "0", "3.0"))
    there.packages.releases["flask"]["3.0.1"] = date(2026, 11, 22)
    there.repository.push({".github/bolide.yaml": "recommendation_type: security\n"})
    await there.commented(7, "/advise")
    said = answer(there, 7)
    assert "(security)" in said
    assert "flask 2.2.5 → 3.0.1" in said
    assert "werkzeug" not in said
    there.packages.releases["flask"]["4.0rc1"] = date(2026, 10, 22)
    there.repository.push({".github/bolide.yaml": "recommendation_type: testing\n"})
    await there.commented(8, "/advise")
    assert "(testing)" in answer(there, 8)


async def test_a_lock_without_faults_needs_nothing() -> None:
    there = world()
    there.repository.push({"Pipfile.lock": lock(flask="3.1.0", werkzeug="3.1.0")})
    await there.commented(7, "/advise")
    said = answer(there, 7)
    assert "nothing to say; no other lock is better" in said
    there.repository.push({".github/bolide.yaml": "recommendation_type: security\n"})
    await there.commented(8, "/advise")
    said = answer(there, 8)
    assert "no other lock is better" in said


async def test_a_repository_without_a_lock_is_advised_to_have_one() -> None:
    there = world()
    there.repository.push({"Pipfile.lock": ""})
    await there.commented(7, "/advise")
    said = answer(there, 7)
    assert "flask (new) → 3.1.0" in said
    assert "; nothing is locked yet; the best lock has the score" in said


async def test_a_package_is_explained() -> None:
    there = world()
    await there.commented(7, "/explain Werkzeug")
    said = answer(there, 7)
    assert "**Pipfile.lock**" in said
    assert "werkzeug is locked at 2.2.3, as of 2026-11-23." in said
    assert "flask 2.2.5 requires it: any version." in said
    assert "3.1.0 is not locked: nothing known speaks against it" in said


async def test_a_parent_that_has_no_wheel_is_named_without_its_word() -> None:
    there = world()
    source = File(
        "flask-2.2.5.tar.gz", "2.2.5", "0" * 64, 1, None, "", yanked=False, kind="sdist", url="", has_metadata=False
    )
    there.packages.files[("flask", "2.2.5")] = (source,)
    await there.commented(7, "/explain werkzeug")
    said = answer(there, 7)
    assert "flask 2.2.5 requires it: any version." in said


@pytest.mark.parametrize(
    ("command", "files", "said"),
    [
        ("/explain numpy", {}, "numpy is not in the lock, which has 2 packages."),
        ("/explain", {}, "it needs the name of one package."),
        ("/advise gpu", {}, "There is no environment 'gpu'"),
        ("/advise", {"Pipfile": "flask ="}, "no advice. The Pipfile is not TOML"),
        ("/advise", {"Pipfile": ""}, "There is no Pipfile"),
        ("/advise a b", {}, "`a b` is not the name of one environment."),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(command: str, files: Any, said: str) -> None:
    there = world()
    there.repository.push(files)
    await there.commented(7, command)
    assert said in answer(there, 7)


async def test_each_environment_that_the_configuration_allows_is_advised_on() -> None:
    there = world()
    there.repository.push(
        {
            "envs/gpu/Pipfile": PIPFILE,
            "envs/gpu/Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3"),
            "envs/old/Pipfile": PIPFILE,
            ".github/bolide.yaml": "overlays_dir: envs\nmanagers: [{name: advise, env_disallow_list: [old]}]\n",
        }
    )
    await there.commented(7, "/advise")
    said = answer(there, 7)
    assert "**Advice for Pipfile.lock**" in said
    assert "**Advice for envs/gpu/Pipfile.lock**" in said
    assert "envs/old" not in said


async def test_a_push_asks_for_no_advice() -> None:
    there = world()
    pushed = Pushed(Repository(there.repository.id, there.repository.name, 1), "main", "0" * 40)
    assert await there.dispatch.plan(pushed, "advise") is None


async def test_what_is_unsafe_moves_beyond_its_first_safe_version_where_it_must() -> None:
    there = world(advisory("PYSEC-1", "werkzeug", "0", "2.3"))
    there.packages.releases["werkzeug"]["2.3.0"] = date(2026, 9, 1)
    there.packages.refused = ("werkzeug", "2.3.0")
    there.repository.push({".github/bolide.yaml": "recommendation_type: security\n"})
    await there.commented(7, "/advise")
    assert "werkzeug 2.2.3 → 3.1.0" in answer(there, 7)
