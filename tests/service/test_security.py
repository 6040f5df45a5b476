"""What has known advisories is mended at once and alone."""

from datetime import date, timedelta

from bot.core.candidates import NOT_ALLOWED, Target
from bot.core.packages import HeldBack
from bot.service.advising import Lore
from bot.service.watch import Watch
from tests.managers.package_world import PackageWorld
from tests.managers.test_advise import MemoryAdvisories, advisory
from tests.managers.world import CONFIG, FILES, PIPFILE, World, lock

BRANCH = "bolide/security"
VERSIONS = {"2.2.5": date(2023, 5, 2), "2.2.6": date(2026, 11, 22), "3.1.0": date(2026, 10, 1)}


def world(*advisories: dict[str, object], updates: str = "", away: bool = False) -> World:
    """Flask 2.2.5 and keras 2.0 are locked; flask 2.2.6 came out yesterday."""
    releases = {"flask": VERSIONS, "keras": {"2.0": date(2023, 1, 1), "3.0": date(2026, 10, 2)}}
    lore = Lore(MemoryAdvisories(list(advisories), away), (), lambda request: Target("3.11.4", frozenset()))
    there = World(packages=PackageWorld(releases), lore=lore)
    pipfile = PIPFILE + 'keras = "*"\n'
    config = f"{CONFIG}updates:\n{updates}" if updates else CONFIG
    files = {"Pipfile": pipfile, "Pipfile.lock": lock(pipfile, flask="2.2.5", keras="2.0")}
    there.repository.push({**FILES, **files, ".github/bolide.yaml": config})
    return there


UNSAFE = advisory("PYSEC-1", "flask", "0", "2.2.6")


def titles(there: World) -> dict[str, str]:
    return {pull.branch: pull.title for pull in there.repository.pulls.values() if pull.state == "open"}


def dashboard(there: World) -> str:
    (issue,) = there.repository.issues.values()
    return issue.body


async def test_it_comes_alone_at_the_first_safe_version_however_young() -> None:
    there = world(UNSAFE)
    await there.install()
    assert titles(there)[BRANCH] == "Security: Update flask from 2.2.5 to 2.2.6 (packages)"
    pull = next(pull for pull in there.repository.pulls.values() if pull.branch == BRANCH)
    assert pull.labels == ("security",)
    assert "fixes [PYSEC-1](https://osv.dev/vulnerability/PYSEC-1) (fixed in 2.2.6)" in pull.body
    assert "younger than 7 days are left to ripen, but not those of `flask`, which mend advisories" in pull.body
    text = there.repository.text(there.repository.branches[BRANCH], "Pipfile.lock")
    assert '"==2.0"' in text  # keras stays
    assert there.repository.labels["security"] == "Mends a known weakness"
    writes = list(there.repository.writes)
    await there.install()
    assert there.repository.writes == writes


async def test_that_it_goes_no_further_than_it_must_is_said_where_a_newer_release_is_out() -> None:
    there = world(UNSAFE)
    there.packages.held_back = (HeldBack("flask", "2.2.6", "3.1.0", NOT_ALLOWED),)
    await there.install()
    pull = next(pull for pull in there.repository.pulls.values() if pull.branch == BRANCH)
    assert "| `flask` | 2.2.6 | 3.1.0 | this only mends what has advisories, and goes no further" in pull.body


async def test_neither_schedule_nor_limits_hold_it_up() -> None:
    there = world(UNSAFE, updates="  schedule: 0 5 * * 1\n  limits: {open: 1}\n")
    await there.install()
    assert set(titles(there)) == {BRANCH}


async def test_it_is_closed_when_it_is_no_longer_needed() -> None:
    there = world(UNSAFE)
    await there.install()
    pipfile = PIPFILE + 'keras = "*"\n'
    await there.pushed({"Pipfile.lock": lock(pipfile, flask="3.1.0", keras="2.0")})
    assert BRANCH not in titles(there)


async def test_what_cannot_be_mended_is_told_on_the_dashboard() -> None:
    for updates, advisories, reason in (
        ("  ignore: [{package: flask}]\n", UNSAFE, "it is ignored"),
        ("  ignore: [{package: flask, versions: ==3.1}]\n", UNSAFE, ""),
        ("", advisory("PYSEC-2", "flask", "0"), "no version without them"),
    ):
        there = world(advisories, updates=updates)
        await there.install()
        assert (BRANCH in titles(there)) == (not reason)
        assert reason in dashboard(there)


async def test_a_fix_that_fits_nowhere_is_told_with_the_conflict() -> None:
    there = world(UNSAFE)
    there.packages.together["flask", "2.2.6"] = ("keras", "9.0")
    there.packages.together["flask", "3.1.0"] = ("keras", "9.0")
    await there.install()
    assert BRANCH not in titles(there)
    assert "needs keras 9.0" in dashboard(there)


async def test_a_fix_that_fits_only_later_is_taken_later() -> None:
    there = world(UNSAFE)
    there.packages.together["flask", "2.2.6"] = ("keras", "9.0")
    await there.install()
    assert titles(there)[BRANCH] == "Security: Update flask from 2.2.5 to 3.1.0 (packages)"


async def test_on_command_it_is_looked_for_alone() -> None:
    there = world(UNSAFE)
    issue = there.repository.issue()
    await there.commented(issue, "/security")
    assert set(titles(there)) == {BRANCH}
    assert "is open; its evidence follows there" in there.repository.comments[issue, "answer 501"]


async def test_that_nothing_was_checked_is_never_that_there_is_nothing() -> None:
    for away, said in ((True, "Advisories: not checked"), (False, "Advisories: checked with")):
        there = world(away=away)
        issue = there.repository.issue()
        await there.commented(issue, "/security")
        assert said in there.repository.comments[issue, "answer 501"]
        assert titles(there) == {}
        await there.install()
        assert said in dashboard(there)


async def test_an_advisory_that_comes_out_is_told_once() -> None:
    there = world()
    await there.install()
    source = there.lore.advisories
    assert isinstance(source, MemoryAdvisories)
    watch = Watch(there.watch_list, there.packages, there.inbox, lambda: there.now, seconds=60, advisories=source)
    assert await watch.look() == 0
    source.records.append(UNSAFE)
    assert [await watch.look() for _ in range(2)] == [1, 0]
    there.now += timedelta(minutes=1)
    await there.settle()
    assert BRANCH in titles(there)
