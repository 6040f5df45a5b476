"""How a change is divided, what is ignored, and when something is due."""

from datetime import UTC, date, datetime

import pytest

from bot.core import schedules, steering
from bot.core.changes import Change, Kind
from bot.core.schedules import Schedule
from bot.core.steering import Batch, Group, Ignored, Steering


def change(name: str, old: str = "1.0", new: str = "1.1", *, direct: bool = True, kind: Kind = "updated") -> Change:
    return Change(name, old, new, direct, ("packages",), kind)


FLASK, KERAS, TF = change("flask"), change("keras", "2.0", "3.0"), change("tensorflow-cpu")
WERKZEUG = change("werkzeug", direct=False)
NEW, GONE, BACK = (change("new", "", "1.0", kind="added"), change("gone", "1.0", "", kind="removed"),
                   change("back", "2.0", "1.0", kind="downgraded"))  # fmt: skip
ALL = (FLASK, KERAS, TF, WERKZEUG, NEW, GONE, BACK)
LEARNING = Group("Machine learning", ("Tensorflow*", "keras"))


@pytest.mark.parametrize(
    ("rules", "batches"),
    [
        (Steering(), {("all", "", ())}),
        (Steering(groups=(Group("docs", ("sphinx",)),)), {("all", "", ())}),
        (
            Steering(groups=(LEARNING,)),
            {("group", "group-machine-learning", ("keras", "tensorflow-cpu")), ("all", "", ("flask", "werkzeug"))},
        ),
        (
            Steering(groups=(LEARNING,), separate_major=True),
            {
                ("group", "group-machine-learning", ("tensorflow-cpu",)),
                ("all", "", ("flask", "werkzeug")),
                ("major", "major-keras", ("keras",)),
            },
        ),
        (
            Steering(separate_transitive=True),
            {("all", "", ("flask", "keras", "tensorflow-cpu")), ("transitive", "transitive", ("werkzeug",))},
        ),
        (
            Steering(groups=(Group("dev", categories=("dev-packages",)), Group("rest", categories=("packages",)))),
            {("group", "group-rest", ("flask", "keras", "tensorflow-cpu", "werkzeug"))},
        ),
    ],
)
def test_a_change_is_divided(rules: Steering, batches: set[tuple[str, str, tuple[str, ...]]]) -> None:
    found = steering.divide(ALL, rules)
    assert {(batch.kind, batch.slug, tuple(sorted(batch.names))) for batch in found} == batches
    assert len(found) == len(batches)


def test_a_package_that_moves_twice_is_in_one_batch() -> None:
    twice = (change("keras", "1.0", "1.1"), change("keras", "1.0", "3.0"))
    (batch,) = steering.divide(twice, Steering(groups=(LEARNING,), separate_major=True))
    assert batch.names == {"keras"}


def test_what_is_no_version_is_no_major_update() -> None:
    rules = Steering(separate_major=True)
    assert steering.divide((change("tool", "abc123", "def456"),), rules) == (Batch("all"),)


KNOWN = ("1.0", "2.0", "5.0rc1", "5.0", "6.0", "no version")


@pytest.mark.parametrize(
    ("ignored", "locked", "constraint"),
    [
        (Ignored("protobuf"), "2.0", "protobuf<=2.0"),
        (Ignored("protobuf"), "", None),
        (Ignored("protobuf", ">=5"), "2.0", "protobuf!=5.0,!=6.0"),
        (Ignored("protobuf", "==5.0rc1"), "2.0", "protobuf!=5.0rc1"),
        (Ignored("protobuf", ">=5"), "5.0", "protobuf!=6.0"),
        (Ignored("protobuf", ">=5"), "", "protobuf!=5.0,!=6.0"),
        (Ignored("protobuf", ">=7"), "2.0", None),
        (Ignored("protobuf", "<2"), "2.0", None),
    ],
)
def test_what_is_ignored_stays_where_it_is(ignored: Ignored, locked: str, constraint: str | None) -> None:
    assert steering.exclusion(ignored, locked, KNOWN) == constraint


def test_ignoring_ends_on_its_day() -> None:
    day = date(2026, 11, 23)
    entries = Ignored("a"), Ignored("b", until=day), Ignored("c", until=date(2026, 11, 22))
    assert [each.package for each in steering.in_force(entries, day)] == ["a", "b"]


def test_an_entry_replaces_the_one_for_the_same_versions() -> None:
    first, other, again = Ignored("a", ">=5", reason="Once"), Ignored("a"), Ignored("a", ">=5", reason="Twice")
    assert steering.with_entry((first, other), again) == (other, again)
    assert steering.without_package((first, other, Ignored("b")), "a") == (Ignored("b"),)


def test_the_pins_of_a_lock() -> None:
    sections = {
        "default": {"Flask": {"version": "==3.0"}, "tool": {"ref": "abc"}},
        "develop": {"flask": {"version": "==3.1"}, "old": {"version": "==1.0"}},
        "docs": {"flask": {"version": "==2.0"}},
    }
    assert steering.pins(sections) == {"flask": "3.1", "old": "1.0"}


BERLIN = Schedule("0 5 * * 1", "Europe/Berlin")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "last"),
    [
        (BERLIN, "2026-11-23T04:00:00", "2026-11-23T04:00:00"),  # Monday, at the very moment
        (BERLIN, "2026-11-23T03:59:59", "2026-11-16T04:00:00"),
        (BERLIN, "2026-08-31T04:30:00", "2026-08-31T03:00:00"),  # in summer an hour earlier
        (Schedule("30 2 * * *", "Europe/Berlin"), "2026-03-29T12:00:00", "2026-03-29T01:00:00"),  # an hour that is not
        (Schedule("30 2 * * *", "Europe/Berlin"), "2026-10-25T12:00:00", "2026-10-25T00:30:00"),  # an hour twice
        (Schedule("0 0 1 1 *"), "2026-11-23T00:00:00", "2026-01-01T00:00:00"),
    ],
)
def test_the_last_moment_that_was_due(schedule: Schedule, now: str, last: str) -> None:
    assert schedules.last_due(schedule, moment(now)) == moment(last)


def test_the_next_moment_is_told_in_the_schedules_zone() -> None:
    found = schedules.next_due(BERLIN, moment("2026-11-23T04:00:00"))
    assert found is not None
    assert found.isoformat() == "2026-11-30T05:00:00+01:00"
    assert str(BERLIN) == "0 5 * * 1 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (BERLIN, None),
        (Schedule("0 5 * * MON-FRI"), None),
        (Schedule("61 * * * *"), "'61 * * * *' is no cron line (bad minute)"),
        (Schedule("* * * * * *"), "is no cron line; write five fields"),
        (Schedule("@daily"), "is no cron line; write five fields"),
        (Schedule(""), "is no cron line"),
        (Schedule("0 0 30 2 *"), "day"),
        (Schedule("0 5 * * 1", "Mars/Olympus"), "'Mars/Olympus' is no time zone"),
        (Schedule("0 5 * * 1", "../etc/passwd"), "is no time zone"),
        (Schedule("0 5 * * 1", "Europe"), "is no time zone"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_named(schedule: Schedule, problem: str | None) -> None:
    found = schedules.check(schedule)
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_an_entry_covers_versions_of_its_own_package() -> None:
    covers = steering.covers
    assert covers(Ignored("a"), "a", "1.0")
    assert not covers(Ignored("a"), "b", "1.0")
    assert not covers(Ignored("a"), "a", "")
    assert covers(Ignored("a", ">=2"), "a", "2.0rc1") is False
    assert covers(Ignored("a", ">=2"), "a", "2.1")
