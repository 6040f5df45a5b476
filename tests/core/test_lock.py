"""Pipfile.lock: text and values, what changed, and whether it fits its Pipfile."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.changes import Change, diff, is_current, shortfalls
from bot.core.lockfile import parse, render, requirements
from bot.core.pipfile import parse as parse_pipfile
from bot.core.pipfile import pipfile_hash

PIPFILE = parse_pipfile('[packages]\nflask = ">=2,<4"\nlib = "*"\n[dev-packages]\npytest = "*"\n[docs]\nflask = "*"\n')
NAMES = st.sampled_from(["flask", "lib", "pytest", "a.b", "under_score", "x"])
ENTRIES = st.fixed_dictionaries(
    {"version": st.sampled_from(["==1.0", "==1.1", "==2.0rc1", "==2.0"]), "hashes": st.just(["sha256:" + "a" * 64])}
)
LOCKS = st.fixed_dictionaries(
    {
        "_meta": st.just({"hash": {"sha256": "0" * 64}, "pipfile-spec": 6, "requires": {}, "sources": []}),
        "default": st.dictionaries(NAMES, ENTRIES),
        "develop": st.dictionaries(NAMES, ENTRIES),
        "docs": st.dictionaries(NAMES, ENTRIES),
    }
)


def lock(**sections: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"_meta": {"hash": {"sha256": pipfile_hash(PIPFILE)}}}
    for section, pins in sections.items():
        made[section] = {name: {"version": f"=={version}", "hashes": ["sha256:00"]} for name, version in pins.items()}
    return made


@given(LOCKS)
def test_a_rendered_lock_reads_back_as_it_was_and_renders_the_same(document: dict[str, Any]) -> None:
    text = render(document)
    assert parse(text) == document
    assert render(parse(text)) == text
    assert text.endswith("}\n")


@given(LOCKS)
def test_a_lock_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert diff(document, document, PIPFILE) == ()


@given(LOCKS, LOCKS)
def test_the_way_back_undoes_the_way_there(one: dict[str, Any], other: dict[str, Any]) -> None:
    opposite = {"added": "removed", "removed": "added", "updated": "downgraded", "downgraded": "updated"}
    there, back = diff(one, other, PIPFILE), diff(other, one, PIPFILE)
    key = lambda c: (c.name, c.categories, c.old, c.new, c.direct, c.kind)  # noqa: E731
    turned = [Change(c.name, c.new, c.old, c.direct, c.categories, opposite[c.kind]) for c in back]  # type: ignore[arg-type]
    assert sorted(map(key, there)) == sorted(map(key, turned))


def test_changes_tell_what_moved_where_direct_ones_first() -> None:
    old = lock(
        default={"flask": "3.0", "jinja2": "3.1", "werkzeug": "3.0"}, docs={"flask": "3.0"}, develop={"pytest": "8.0"}
    )
    new = lock(
        default={"flask": "3.1", "blinker": "1.0", "werkzeug": "2.9"}, docs={"flask": "3.1"}, develop={"pytest": "9.0"}
    )
    assert diff(old, new, PIPFILE) == (
        Change("flask", "3.0", "3.1", True, ("docs", "packages"), "updated"),  # noqa: FBT003
        Change("pytest", "8.0", "9.0", True, ("dev-packages",), "updated"),  # noqa: FBT003
        Change("blinker", "", "1.0", False, ("packages",), "added"),  # noqa: FBT003
        Change("jinja2", "3.1", "", False, ("packages",), "removed"),  # noqa: FBT003
        Change("werkzeug", "3.0", "2.9", False, ("packages",), "downgraded"),  # noqa: FBT003
    )


def test_a_lock_that_meets_every_requirement_has_no_shortfall() -> None:
    good = lock(default={"flask": "3.0", "lib": "1"}, develop={"pytest": "9.0"}, docs={"flask": "3.0"})
    assert shortfalls(PIPFILE, good) == ()
    assert is_current(PIPFILE, good)


def test_each_unmet_requirement_is_named() -> None:
    bad = lock(default={"flask": "4.0"}, develop={"pytest": "9.0"}, docs={"flask": "3.0"})
    bad["develop"]["pytest"]["hashes"] = []
    bad["docs"]["flask"]["version"] = ">=1"
    assert shortfalls(PIPFILE, bad) == (
        "[packages] flask is locked at 4.0, but the Pipfile asks for >=2,<4.",
        "[packages] lib is not in the lock.",
        "[dev-packages] pytest is locked without hashes.",
        "[docs] flask is locked as '>=1', which is not one version.",
    )


def test_extras_and_conditions_are_part_of_a_requirement() -> None:
    pipfile = parse_pipfile(
        "[packages]\nweb = {extras = ['fast_path']}\nwin = {sys_platform = \"== 'win32'\"}\n"
        "star = '*'\ntool = {git = 'x'}\n"
    )
    entries: dict[str, Any] = {"win": {"version": "*"}, "star": {"version": "*"}, "tool": {"version": "==1"}}
    entries["web"] = {"version": "==1", "hashes": ["sha256:0"]}
    assert shortfalls(pipfile, {"_meta": {}, "default": entries}) == (
        "[packages] web is locked without its extra fast-path.",
        "[packages] star is locked without a version.",
        "[packages] tool is locked without its git.",
    )
    entries["web"]["extras"] = ["fast-path"]
    entries |= {"star": {"version": "==1", "hashes": ["sha256:0"]}, "tool": {"git": "x", "ref": "y"}}
    assert shortfalls(pipfile, {"_meta": {}, "default": entries}) == ()


def test_a_lock_is_stale_when_its_pipfile_changed_and_current_under_either_hash() -> None:
    changed = parse_pipfile('[packages]\nFlask_Login = "*"\n')
    assert not is_current(changed, lock())
    assert is_current(changed, {"_meta": {"hash": {"sha256": pipfile_hash(changed, canonical_names=False)}}})
    assert not is_current(changed, {"_meta": {}})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"_meta": {', "not JSON.*line 1"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no _meta"),
        ('{"default": {}}', "no _meta"),
        ('{"_meta": {}, "default": []}', "'default' of Pipfile.lock is not a table"),
        ('{"_meta": {}, "default": {"a": 3}}', "'default' of Pipfile.lock is not a table"),
        ('{"_meta": {}, "default": {"a": {"version": 3}}}', "'default' of Pipfile.lock is not a table"),
    ],
)
def test_what_is_not_a_lock_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(text)


def test_requirements_leave_out_what_was_left_out_for_the_platform() -> None:
    document = lock(default={"b": "2", "a": "1"})
    document["default"]["a"] |= {"extras": ["x", "y"], "markers": "python_version >= '3.8'"}
    document["default"]["winonly"] = {"version": "*", "markers": "sys_platform == 'win32'"}
    assert requirements(document, ["packages"]) == (
        "a[x,y]==1 ; python_version >= '3.8' --hash=sha256:00\nb==2 --hash=sha256:00\n"
    )
    document["develop"] = {"a": {"version": "==9"}}
    with pytest.raises(ValueError, match="pin a to different versions"):
        requirements(document, ["packages", "dev-packages"])
    with pytest.raises(ValueError, match="no category 'docs'"):
        requirements(document, ["docs"])


def test_the_text_is_the_one_that_pipenv_writes() -> None:
    document = {"default": {}, "_meta": {"b": True, "a": ["é"]}}
    assert render(document) == json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"
    assert '"\\u00e9"' in render(document)
