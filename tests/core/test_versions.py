from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core import repoconfig
from bot.core.repoconfig import ConfigError
from bot.core.versions import (
    Exactly,
    Numbering,
    VersionError,
    Wanted,
    is_major_update,
    is_prerelease,
    latest_before,
    next_version,
    tag_of,
)

DAY = date(2026, 1, 5)
NUMBERING = Numbering(DAY)
PLAIN = st.lists(st.integers(0, 999), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("v1.2", "minor", "1.3.0"),
        ("0", "patch", "0.0.1"),
        ("1.1.1", "patch", "1.1.2"),
        ("1!1.2.3", "minor", "1!1.3.0"),
        ("1.2.3.post1", "patch", "1.2.4"),
        ("1.3.0rc2", "patch", "1.3.0"),
        ("1.3.0rc2", "minor", "1.3.0"),
        ("1.3.0rc2", "major", "2.0.0"),
        ("2.0.0a1", "major", "2.0.0"),
        ("1.3.1b1", "minor", "1.4.0"),
        ("1.3.0.dev4", "minor", "1.3.0"),
        ("1.2.3", "pre", "1.2.4rc1"),
        ("1.2.4rc1", "pre", "1.2.4rc2"),
        ("1.2.4a9", "pre", "1.2.4a10"),
        ("1!1.2.4b1", "pre", "1!1.2.4b2"),
        ("1.3.0.dev4", "pre", "1.3.0rc1"),
        ("1.3.0rc2.dev4", "pre", "1.3.0rc2"),
        ("1.2.3.post1", "pre", "1.2.4rc1"),
        ("1.2.3", "build", "1.2.3.post1"),
        ("1.2.3.post1", "build", "1.2.3.post2"),
        ("2026.1.5", "build", "2026.1.5.post1"),
        ("1.2.4rc2", "finalize", "1.2.4"),
        ("1.2.4.dev1", "finalize", "1.2.4"),
        ("1!2.0a1", "finalize", "1!2.0"),
        ("1.2.3", Exactly("1.5.0"), "1.5.0"),
        ("1.2.3", Exactly("1.5.0-rc.1"), "1.5.0rc1"),
        ("2026.1.5", Exactly("1!1.0.0"), "1!1.0.0"),
        ("1.2.3", "calendar", "2026.1.5"),
        ("2026.1.4", "calendar", "2026.1.5"),
        ("2026.1.5", "calendar", "2026.1.5.1"),
        ("2026.1.5.1", "calendar", "2026.1.5.2"),
        ("2026.01.05", "calendar", "2026.1.5.1"),
        ("1!2026.1.4", "calendar", "1!2026.1.5"),
    ],
)
def test_the_next_version(current: str, wanted: Wanted, expected: str) -> None:
    assert next_version(current, wanted, NUMBERING) == expected


@given(PLAIN, st.sampled_from(["major", "minor", "patch", "pre", "build", "calendar"]))
def test_the_next_version_is_greater_and_in_normal_form(current: str, wanted: Wanted) -> None:
    found = next_version(current, wanted, NUMBERING)
    assert Version(found) > Version(current)
    assert str(Version(found)) == found


@pytest.mark.parametrize(
    ("current", "wanted", "sentence"),
    [
        ("1.0+local", "patch", "has a local part (+local); take it out"),
        ("1.0", Exactly("1.1+local"), "has a local part (+local); no index takes such a version"),
        ("1.2.3.4", "patch", "has more than three numbers; name the next version in full (X.Y.Z)."),
        ("one", "patch", "'one' is not a version (PEP 440); write for example 1.2.3."),
        ("", "patch", "write for example 1.2.3."),
        ("1.2.3; rm -rf", "patch", "write for example 1.2.3."),
        ("1.0", Exactly("Initial"), "'Initial' is not a version"),
        ("1.2.3", Exactly("1.2.3"), "1.2.3 is not above 1.2.3, which the files say; name a greater one, or a higher"),
        ("1.2.3", Exactly("0.0.1"), "0.0.1 is not above 1.2.3, which the files say; name a greater one."),
        ("1.2.3", "finalize", "1.2.3 is final already"),
        ("1.2.3.post1", "finalize", "1.2.3.post1 is final already"),
        ("1.2.3rc1", "build", "1.2.3rc1 is no final version"),
        ("2026.1.5", "major", "2026.1.5 is a calendar version, whose numbers are a day"),
        ("2026.1.5", "minor", "there is no minor release of it; ask for a calendar release"),
        ("2026.1.5.1", "patch", "with a higher epoch, such as 1!1.0.0."),
        ("2026.1.5", "pre", "there is no pre release of it"),
        (
            "2026.1.5",
            Exactly("1.0.0"),
            "1.0.0 is not above 2026.1.5, which the files say; name a greater one, or a higher",
        ),
        ("3000.1", "calendar", "2026.1.5, today's version by the pattern YYYY.MM.DD, is not above 3000.1"),
    ],
)
def test_what_has_no_next_version_is_refused_with_a_remedy(current: str, wanted: Wanted, sentence: str) -> None:
    with pytest.raises(VersionError) as raised:
        next_version(current, wanted, NUMBERING)
    assert sentence in str(raised.value)


def test_a_tag_that_exists_is_no_next_version_and_a_longer_one_is_another() -> None:
    taken = Numbering(DAY, tags=("v1.1.10", "v1.1.20", "nightly"))
    assert next_version("1.1.0", "patch", taken) == "1.1.1"
    with pytest.raises(VersionError, match=r"The tag v1\.1\.10 exists already, but the files still say 1\.1\.9"):
        next_version("1.1.9", "patch", taken)
    with pytest.raises(VersionError, match=r"The tag 2\.0-rc1 exists already"):
        next_version("1.1.9", Exactly("2.0rc1"), Numbering(DAY, tags=("2.0-rc1",)))


@pytest.mark.parametrize(
    ("pattern", "day", "taken", "expected"),
    [
        ("YYYY.MM.DD", date(2026, 3, 5), ("v2026.03.05",), "2026.3.5.1"),
        ("YYYY.MM.DD", date(2026, 3, 5), ("v2026.3.5", "v2026.3.5.1"), "2026.3.5.2"),
        ("YY.MM.MICRO", date(2026, 3, 5), (), "26.3.0"),
        ("YY.MM.MICRO", date(2026, 3, 6), ("26.3.0", "26.3.1"), "26.3.2"),
        ("YYYY.WW", date(2027, 1, 1), (), "2026.53"),
        ("YYYY.MICRO", date(2026, 3, 6), ("v2026.0",), "2026.1"),
    ],
)
def test_calendar_versions_by_patterns(pattern: str, day: date, taken: tuple[str, ...], expected: str) -> None:
    assert repoconfig.parse(f"release: {{calendar: {pattern}}}").release.calendar == pattern
    assert next_version("0.9", "calendar", Numbering(day, pattern, taken)) == expected


def test_a_short_calendar_version_is_known_by_its_pattern() -> None:
    short = Numbering(DAY, "YY.MM.MICRO")
    with pytest.raises(VersionError, match=r"25\.12\.0 is a calendar version"):
        next_version("25.12.0", "minor", short)
    for semantic in ("25.13.0", "1.2", "100.2.3"):
        assert Version(next_version(semantic, "minor", short)) > Version(semantic)
    with pytest.raises(VersionError, match=r"26\.1\.0, today's version by the pattern YY\.MM\.MICRO, is not above"):
        next_version("126.1", "calendar", short)
    assert next_version("26.1.7", "calendar", short) == "26.1.8"


@given(st.sampled_from(["YYYY.MM.DD", "YY.MM.MICRO", "YYYY.WW", "YY"]), st.dates(date(2001, 1, 1), date(2098, 1, 1)))
def test_no_two_calendar_versions_collide_and_each_is_greater(pattern: str, day: date) -> None:
    current, tags = "0.1", list[str]()
    for later in (0, 0, 1, 32, 400):
        found = next_version(current, "calendar", Numbering(day + timedelta(later), pattern, tuple(tags)))
        assert Version(found) > Version(current)
        assert f"v{found}" not in tags
        current = found
        tags.append(f"v{found}")


@pytest.mark.parametrize(
    "pattern", ["YYYY.0M.0D", "YYYY.M", "", "MM.YYYY", "YYYY.MM.MM", "YYYY.DD", "YYYY.MICRO.MM", "YYYY.MM.DD.x"]
)
def test_patterns_that_do_not_rise_or_are_padded_with_zeros_are_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="write parts that rise, such as YYYY"):
        repoconfig.parse(f'release: {{calendar: "{pattern}"}}')


def test_tags_are_compared_as_versions() -> None:
    tags = ("v1.1.10", "v1.1.0", "v1.2.0rc1", "1.0", "latest", "v0.9")
    assert tag_of("1.1", tags) == "v1.1.0"
    assert tag_of("1.1.1", tags) is None
    assert latest_before("1.1.1", tags) == "v1.1.0"
    assert latest_before("1.2.0", tags) == "v1.1.10"
    assert latest_before("1.2.0rc2", tags) == "v1.2.0rc1"
    assert latest_before("0.9", tags) is None
    assert (is_prerelease("1.0rc1"), is_prerelease("1.0.post1")) == (True, False)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.9", "2.0", True),
        ("1.2", "1.9", False),
        ("0.4", "0.5", True),
        ("0.4.1", "0.4.2", False),
        ("0.9", "1.0", True),
        ("2.0", "1.0", False),
        ("1.0", "1!1.0", True),
        ("1.0", "1.0", False),
    ],
)
def test_major_updates(old: str, new: str, *, expected: bool) -> None:
    assert is_major_update(old, new) is expected
