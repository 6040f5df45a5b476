"""OSV records: what they say of a version, and that neither order nor aliases change it."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core.advisories import (
    Advisory,
    Affected,
    MalformedAdvisory,
    RangeEvent,
    affects,
    first_unaffected,
    fixed_in,
    merged,
    read,
)


def record(*events: dict[str, str], name: str = "PYSEC-1", versions: tuple[str, ...] = (), **more: Any) -> Any:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    package = {"ecosystem": "PyPI", "name": "Some_Lib"}
    return {"id": name, "affected": [{"package": package, "ranges": ranges, "versions": list(versions)}], **more}


def says(told: Any, version: str) -> bool:
    return affects(read(told), "some-lib", version)


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "1.2"}], ["0.dev1", "1.0", "1.2rc1"], ["1.2", "1.2.post1", "2"]),
        ([{"introduced": "1.1"}], ["1.1", "9!0"], ["1.0", "1.1rc1"]),
        ([{"introduced": "1"}, {"last_affected": "1.4"}], ["1.0", "1.4", "1.4.0"], ["1.4.post1", "1.5"]),
        ([{"introduced": "0"}, {"fixed": "1"}, {"introduced": "2"}, {"fixed": "2.1"}], ["0.5", "2.0"], ["1.0", "2.1"]),
        ([{"introduced": "0"}, {"limit": "2"}], ["1"], ["2", "3"]),
        ([{"introduced": "0"}, {"limit": "2"}, {"limit": "4"}], ["3"], ["4"]),
        ([{"introduced": "0"}, {"limit": "*"}], ["1", "77"], []),
        ([{"introduced": "1"}, {"fixed": "1"}], ["1", "2"], ["0.9"]),
        ([{"introduced": "a commit"}], [], ["1"]),
    ],
)
def test_ranges_are_evaluated_by_the_rules_of_osv(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    for order in itertools.permutations(events):
        told = record(*order)
        assert [version for version in inside if not says(told, version)] == []
        assert [version for version in outside if says(told, version)] == []


def test_explicit_versions_count_beside_ranges_and_in_any_spelling() -> None:
    told = record({"introduced": "2"}, {"fixed": "3"}, versions=("1.0", "not-a-version"))
    assert says(told, "1.0.0")
    assert says(told, "2.5")
    assert says(told, "not-a-version")
    assert not says(told, "other-words")
    assert not says(told, "1.1")


def test_what_is_withdrawn_or_of_another_package_or_ecosystem_affects_nothing() -> None:
    told = record({"introduced": "0"})
    assert not says({**told, "withdrawn": "2024-01-01T00:00:00Z"}, "1")
    assert not affects(read(told), "another", "1")
    other = record({"introduced": "0"})
    other["affected"][0]["package"]["ecosystem"] = "npm"
    assert not says(other, "1")
    git = record()
    git["affected"][0]["ranges"] = [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]
    assert not says(git, "1")


def test_a_record_is_read_with_its_dates_severity_and_page() -> None:
    advisory = read(
        record(
            {"introduced": "0"},
            details="Bad thing.\nMore.",
            aliases=["CVE-2", "CVE-2", "PYSEC-1"],
            published="2024-01-02T03:04:05Z",
            modified=datetime(2024, 2, 1),  # noqa: DTZ001 -- as YAML reads a time without a zone
            database_specific={"severity": "HIGH"},
            references=[{"type": "ADVISORY", "url": "http://plain"}, {"type": "ADVISORY", "url": "https://page"}],
        )
    )
    assert (advisory.summary, advisory.severity, advisory.link) == ("Bad thing.", "high", "https://page")
    assert advisory.aliases == ("CVE-2",)
    assert advisory.published == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert advisory.modified == datetime(2024, 2, 1, tzinfo=UTC)
    assert read(record()).link == "https://osv.dev/vulnerability/PYSEC-1"


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"id": 3},
        {"id": "X", "affected": [3]},
        {"id": "X", "affected": [{"package": {"ecosystem": "PyPI"}}]},
        {"id": "X", "published": "yesterday"},
        {"id": "X", "affected": 7},
    ],
)
def test_what_is_no_record_is_said_to_be_none(told: object) -> None:
    with pytest.raises(MalformedAdvisory):
        read(told)


def test_the_fix_is_the_first_version_that_no_advisory_affects() -> None:
    first = read(record({"introduced": "0"}, {"fixed": "1.2"}, name="PYSEC-1"))
    second = read(record({"introduced": "1.2"}, {"fixed": "1.3"}, name="PYSEC-2"))
    assert fixed_in(first, "some-lib", "1.0") == "1.2"
    assert fixed_in(first, "some-lib", "1.2") == ""
    assert fixed_in(first, "some-lib", "not a version") == "1.2"
    candidates = ("2.0", "1.2", "1.3rc1", "1.3", "junk", "0.9")
    assert first_unaffected((first, second), "some-lib", "1.0", candidates) == "1.3"
    assert first_unaffected((first, second), "some-lib", "2.0", candidates) is None
    assert first_unaffected((first,), "some-lib", "no version", candidates) == "1.2"


def named(name: str, *aliases: str, until: str = "2", day: int = 1, severity: str = "", gone: bool = False) -> Advisory:
    affected = Affected("lib", ((RangeEvent("introduced", "0"), RangeEvent("fixed", until)),), ())
    moment = datetime(2024, 1, day, tzinfo=UTC)
    return Advisory(name, aliases, "", severity, "", None, moment, moment if gone else None, (affected,))


def test_aliases_are_one_advisory_under_the_best_known_id() -> None:
    told = (
        named("CVE-9", "OTHER-1"),
        named("GHSA-a", "CVE-9", until="3", severity="low"),
        named("PYSEC-7", "GHSA-a"),
        named("PYSEC-8"),
        named("PYSEC-8", until="9", day=2),
        named("PYSEC-0", "PYSEC-8", gone=True),
    )
    for order in itertools.permutations(told):
        first, second = merged(order)
        assert (first.id, first.aliases, first.severity) == ("PYSEC-7", ("CVE-9", "GHSA-a", "OTHER-1"), "low")
        assert affects(first, "lib", "2.5")
        assert second.id == "PYSEC-8"
        assert affects(second, "lib", "8")
    assert merged([replace(named("X-1"), modified=None)])[0].id == "X-1"


VERSIONS = st.sampled_from(["0.9", "1.0", "1.1", "1.2rc1", "1.2", "2.0", "2.1", "3.0"])
EVENTS = st.lists(
    st.builds(RangeEvent, st.sampled_from(["introduced", "fixed", "last_affected"]), VERSIONS), min_size=1, max_size=5
)


@given(EVENTS, VERSIONS, st.randoms(use_true_random=False))
def test_the_order_of_events_never_matters(events: list[RangeEvent], version: str, random: Any) -> None:
    mixed = random.sample(events, len(events))
    verdicts = {
        affects(replace(named("X"), affected=(Affected("lib", (tuple(order),), ()),)), "lib", version)
        for order in (events, mixed)
    }
    assert len(verdicts) == 1


@given(st.lists(st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=3), VERSIONS)
def test_a_half_open_range_is_what_it_says(ends: list[tuple[str, str]], version: str) -> None:
    ranges = tuple((RangeEvent("introduced", start), RangeEvent("fixed", end)) for start, end in ends if start != end)
    inside = any(
        Version(start) <= Version(version) and (Version(version) < Version(end) or Version(end) < Version(start))
        for start, end in ends
        if start != end
    )
    assert affects(replace(named("X"), affected=(Affected("lib", ranges, ()),)), "lib", version) == inside


IDS = st.sampled_from(["PYSEC-1", "PYSEC-2", "GHSA-1", "GHSA-2", "CVE-1", "CVE-2", "X-1"])
GROUPS = st.lists(st.tuples(IDS, st.lists(IDS, max_size=2), st.sampled_from(["1.5", "2", "3"])), max_size=6)


@given(GROUPS, st.randoms(use_true_random=False))
def test_merging_is_the_same_for_every_order_and_loses_nothing(
    told: list[tuple[str, list[str], str]], random: Any
) -> None:
    advisories = [named(name, *sorted({*aliases} - {name}), until=until) for name, aliases, until in told]
    once = merged(advisories)
    assert merged(random.sample(advisories, len(advisories))) == once
    assert merged(once) == once
    ids = [name for one in once for name in (one.id, *one.aliases)]
    assert len(ids) == len(set(ids))
    assert {one.id for one in advisories} <= set(ids)
    newest = {one.id: one for one in sorted(advisories, key=repr)}
    for version in ("1", "1.7", "2.5"):
        assert any(affects(one, "lib", version) for one in once) == any(
            affects(one, "lib", version) for one in newest.values()
        )
