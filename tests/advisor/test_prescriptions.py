"""Prescriptions: Bolide's own are proven, those of others are read as they are, what never matches is reported."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from bot.adapters import rules
from bot.advisor import lint
from bot.advisor.prescriptions import Unit, applied, hindrance, includes, read, satisfiable

TODAY = date(2026, 11, 23)
ADVISER = {"adviser_pipeline": True}
PY311 = {"python_versions": ["3.11"]}
HARD: dict[str, Any] = {"hardware": []}
PAIR = {"package_version": {"name": "a", "version": ">=2"}, "state": {"resolved_dependencies": [{"name": "b"}]}}


def step(**told: Any) -> dict[str, Any]:
    return {"units": {"steps": [{"name": "U", **told}]}}


def unit(kind: str = "step", **told: Any) -> Unit:
    book = read({"units": {f"{kind}s": [{"name": "U", "type": kind, "should_include": ADVISER, **told}]}}, "f.yaml")
    assert book.remarks == ()
    return book.units[0]


def test_bolides_own_rules_are_proven() -> None:
    book = rules.load()
    assert book.remarks == ()
    assert lint.problems(book.units, TODAY, own=True) == ()
    assert len(book.units) >= 12
    assert {each.kind for each in book.units} == {"boot", "pseudonym", "sieve", "step", "stride", "wrap"}


def test_a_rule_of_ones_own_must_have_proof() -> None:
    (sentence,) = lint.problems([unit(match=PAIR)], TODAY, own=True)
    assert sentence.startswith("f.yaml: U has no proof; give it `bolide` with evidence")


def test_a_rule_without_proof_is_wrong_in_all_four_ways() -> None:
    bad = unit(
        match={"package_version": {"name": "a", "version": ">2,<1"}},
        should_include={"adviser_pipeline": True, "recommendation_types": ["fastest"]},
        bolide={"evidence": "see the wiki", "examples": {"failing": [{"a": "3"}]}},
    )
    late = unit(
        match=PAIR,
        bolide={
            "evidence": "https://example.org",
            "recheck": "2026-11-23",
            "examples": {"failing": [{"a": "1"}], "passing": [{"a": "2", "b": "1"}]},
        },
    )
    assert lint.problems([bad, late, unit(match=PAIR)], TODAY) == (
        "f.yaml: U can never match: it asks for versions that cannot exist.",
        "f.yaml: U has no evidence; give the https address of a release note or an issue.",
        "f.yaml: U has no day on which to look again; give `recheck: YYYY-MM-DD`.",
        "f.yaml: U lacks examples; give at least one failing and one passing stack.",
        "f.yaml: U names fastest, which is no recommendation type.",
        "f.yaml: U does not apply to its failing example a 3.",
        "f.yaml: U stands twice; give each unit of a kind a name of its own.",
        "f.yaml: U was to be looked at again on 2026-11-23; read its evidence and set a later day.",
        "f.yaml: U does not apply to its failing example a 1.",
        "f.yaml: U applies to its passing example a 2, b 1.",
        "f.yaml: U stands twice; give each unit of a kind a name of its own.",
    )


def test_examples_are_on_the_index_that_the_rule_means() -> None:
    proof = {
        "evidence": "https://x",
        "recheck": TODAY.replace(year=2027),
        "examples": {"failing": [{"a": "1"}], "passing": [{"b": "1"}]},
    }
    there = unit(match={"package_version": {"name": "a", "index_url": "https://x/simple/"}}, bolide=proof)
    elsewhere = unit(
        "sieve", match={"package_version": {"name": "a", "index_url": {"not": "https://x/simple"}}}, bolide=proof
    )
    assert lint.problems([there, elsewhere], TODAY) == ()
    assert applied(there, {"a": "1"}, {"a": "https://y/simple"}) is None
    assert applied(elsewhere, {"a": "1"}, {"a": "https://x/simple"}) is None


def test_upstreams_older_layout_and_parts_of_files_are_read() -> None:
    old = {
        "apiVersion": "thoth-station.ninja/v1",
        "kind": "prescription",
        "spec": {
            "name": "x",
            "release": "1",
            "units": {
                "sieves": [
                    {
                        "name": "Old",
                        "type": "sieve",
                        "should_include": {**ADVISER, "runtime_environments": PY311},
                        "run": {
                            "match": {"package_version": {"name": "mock"}},
                            "log": {"type": "INFO", "message": "m"},
                        },
                    },
                ]
            },
        },
    }
    (found,) = read(old, "f.yaml").units
    assert applied(found, {"mock": "1.0"}, {}) == ("mock",)
    assert includes(found.include, "stable", "3.11.4")
    assert not includes(found.include, "stable", "3.12.0")


def test_pythons_are_compared_without_their_patch_release() -> None:
    exact = unit(should_include={**ADVISER, "runtime_environments": {"python_version": "==3.8"}}).include
    assert includes(exact, "stable", "3.8.12")
    up_to = unit(should_include={**ADVISER, "runtime_environments": {"python_version": "<=3.8"}}).include
    assert includes(up_to, "stable", "3.8.12")
    assert not includes(up_to, "stable", "3.9.0")


def test_what_stands_in_the_stack_may_be_told_as_one_package() -> None:
    one = unit(match={"state": {"resolved_dependencies": {"name": "tensorflow"}}})
    assert applied(one, {"tensorflow": "2.16.1"}, {}) == ("tensorflow",)
    assert applied(one, {"flask": "3.1.0"}, {}) is None


def test_any_of_several_matches_suffices_and_a_match_may_name_any_package() -> None:
    several = unit(match=[{"package_version": {"name": "a"}}, {"package_version": {"name": "b", "version": "1.0"}}])
    assert applied(several, {"b": "1.0"}, {}) == ("b",)
    assert applied(several, {"b": "2.0"}, {}) is None
    anything = unit(match={"package_version": {"index_url": "https://x/simple"}})
    assert applied(anything, {"p": "1", "q": "1"}, {"q": "https://x/simple"}) == ("q",)
    odd = unit(match={"package_version": {"name": "a", "version": ">=1"}})
    assert applied(odd, {"a": "not a version"}, {}) is None


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ({}, "is not meant for the adviser (adviser_pipeline is not true)"),
        ({**ADVISER, "library_usage": {}}, "depends on library_usage, which Bolide cannot tell"),
        ({**ADVISER, "times": 0}, "depends on times, which Bolide cannot tell"),
        ({**ADVISER, "times": 1, "runtime_environments": HARD}, "depends on hardware, which Bolide cannot tell"),
        ({**ADVISER, "recommendation_types": []}, "is meant for no recommendation type"),
        ({**ADVISER, "runtime_environments": {"python_version": ">4,<3"}}, "is meant for no Python"),
        ({**ADVISER, "runtime_environments": {"python_versions": {"not": ["3.8"]}}}, ""),
        (ADVISER, ""),
    ],
)
def test_what_never_matches_is_told(include: dict[str, Any], reason: str) -> None:
    assert hindrance(unit(match=PAIR, should_include=include)) == reason


def test_a_unit_is_included_by_type_and_python() -> None:
    told = unit(should_include={**ADVISER, "recommendation_types": {"not": ["testing"]}}).include
    assert includes(told, "stable", "3.11.4")
    assert not includes(told, "testing", "3.11.4")
    only = unit(should_include={**ADVISER, "recommendation_types": ["latest"]}).include
    assert not includes(only, "stable", "3.11.4")
    assert not includes(unit(should_include={}).include, "stable", "3.11.4")
    other = unit(
        should_include={**ADVISER, "runtime_environments": {"python_versions": {"not": ["3.8", "3.9"]}}}
    ).include
    assert includes(other, "stable", "3.11.4")
    assert not includes(other, "stable", "3.9.1")


@pytest.mark.parametrize(
    ("document", "remark"),
    [
        (None, "f.yaml: there are no prescription units in it."),
        ({"spec": []}, "f.yaml: there are no prescription units in it."),
        ({"kind": "other", "units": {}}, "f.yaml: there are no prescription units in it."),
        ({"units": {"dances": []}}, "f.yaml: `dances` is no kind of unit; it was left out."),
        (step(hops=1, run={"jumps": 1}), "f.yaml: U: `hops` is not known"),
        ({"units": {"steps": [7]}}, "f.yaml: step ? cannot be read"),
        ({"units": {"steps": [{"type": "step"}]}}, "f.yaml: step ? cannot be read"),
        (step(run={"stack_info": [{"type": "LOUD", "message": "m"}]}), "f.yaml: step U cannot be read"),
        (step(match={"package_version": {"name": "a", "version": "~~1"}}), "f.yaml: step U cannot be read"),
    ],
)
def test_what_is_not_understood_is_a_remark(document: object, remark: str) -> None:
    assert read(document, "f.yaml").remarks[0].startswith(remark)


@pytest.mark.parametrize(
    ("specifier", "possible"),
    [
        ("", True),
        (">=1,<2", True),
        (">2,<1", False),
        ("==1.0,!=1.0", False),
        ("==1.*,!=1.0", True),
        ("~=1.4.2", True),
        (">1.0,<1.0.1", True),
        ("<0", False),
        ("===1.0", True),
        ("not one", False),
        (">=1!2,<1!3", True),
        ("==1.post1", True),
        (">=1,<=1,!=1", False),
    ],
)
def test_a_range_that_holds_no_version_is_recognised(specifier: str, possible: bool) -> None:  # noqa: FBT001
    assert satisfiable(specifier) is possible


NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.lists(st.builds(str.__add__, st.sampled_from([">=", "<=", ">", "<", "!=", "=="]), NUMBERS), max_size=3)


@given(CLAUSES, NUMBERS)
def test_a_range_that_holds_a_version_is_never_called_empty(clauses: list[str], version: str) -> None:
    if SpecifierSet(",".join(clauses)).contains(version, prereleases=True):
        assert satisfiable(",".join(clauses))


def test_files_that_are_no_prescriptions_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("units: [")
    (tmp_path / "b.yml").write_text("a: &x 1\nb: *x\n")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "d.yaml").write_text("x" * (rules.MAX_FILE + 1))
    told = rules.load(tmp_path).remarks
    assert [remark.split(":")[0] for remark in told] == ["a.yaml", "b.yml", "c.yaml", "d.yaml"]
    assert rules.load(tmp_path / "b.yml").remarks[0].startswith("b.yml: it has a YAML alias")
    with pytest.raises(FileNotFoundError, match="no prescriptions"):
        rules.load(tmp_path / "nothing")
