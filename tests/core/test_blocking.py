"""Who keeps a package from its newest release, as the metadata of the others tell."""

from bot.core.blocking import allowed, demand, none_lower, objection
from bot.core.locking import Pin

ENVIRONMENT = {"python_version": "3.11", "sys_platform": "linux"}


def pin(name: str, version: str, *extras: str) -> Pin:
    return Pin(name, version, extras, (), "https://pypi.org/simple")


def test_a_parent_that_asks_for_an_older_one_objects() -> None:
    lines = ("other", "not a requirement at all ;", "Old.Paper<2", 'old-paper<3 ; sys_platform == "win32"')
    assert objection("old-paper", "2.0", pin("frames", "1.0"), lines, ENVIRONMENT) == "frames 1.0 asks for <2"
    assert objection("old-paper", "1.9", pin("frames", "1.0"), lines, ENVIRONMENT) == ""
    assert objection("old-paper", "2.0rc1", pin("frames", "1.0"), ("old-paper>=2.0rc1",), ENVIRONMENT) == ""


def test_what_an_extra_asks_for_counts_where_it_is_wanted() -> None:
    lines = ('paper<2 ; extra == "print"',)
    assert objection("paper", "2.0", pin("frames", "1.0"), lines, ENVIRONMENT) == ""
    assert objection("paper", "2.0", pin("frames", "1.0", "print"), lines, ENVIRONMENT) == "frames 1.0 asks for <2"


def test_a_release_that_asks_for_what_is_not_locked_says_so() -> None:
    pins = {"clock": pin("clock", "2.0"), "paper": pin("paper", "1.0")}
    asked = ("paper>=1", "absent==1", "clock==1.0")
    assert demand(asked, (), pins, ENVIRONMENT) == "it asks for clock==1.0, and 2.0 is locked"
    assert demand(asked[:2], (), pins, ENVIRONMENT) == ""


def test_constraints_leave_a_version_possible_or_do_not() -> None:
    assert allowed("queue", "2.0", ("clock<1", "queue>=1"))
    assert not allowed("queue", "2.0", ("queue>=1", "queue!=2.0"))


def test_none_of_the_named_may_be_lower_or_gone() -> None:
    before = {"queue": pin("queue", "1.0"), "clock": pin("clock", "2.0")}
    after = {"queue": pin("queue", "1.10"), "clock": pin("clock", "1.0")}
    assert none_lower(["queue"], before, after)
    assert not none_lower(["queue", "clock"], before, after)
    assert not none_lower(["clock"], before, {"queue": after["queue"]})
