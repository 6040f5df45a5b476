"""Pipfile.lock: text and values, what changed, and whether it fits its Pipfile."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.changes import Change, diff, is_current, is_whole, shortfalls
from bot.core.lockfile import indexes, parse, render, requirements
from bot.core.pipfile import parse as parse_pipfile
from bot.core.pipfile import pipfile_hash

PIPFILE = parse_pipfile('[packages]\nflask = ">=2,<4"\nlib = "*"\n[dev-packages]\npytest = "*"\n[docs]\nflask = "*"\n')
NAMES = st.sampled_from(["flask", "lib", "pytest", "a.b", "under_score", "x"])
ENTRIES = st.fixed_dictionaries(
    {"version": st.sampled_from(["==1.0", "==1.1", "==2.0rc1", "==2.0"]), "hashes": st.just(["sha256:" + "a" * 64])}
)
SUM = f"sha256:{'0' * 64}"
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
        made[section] = {name: {"version": f"=={version}", "hashes": [SUM]} for name, version in pins.items()}
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


@given(LOCKS)
def test_a_lock_is_whole_beside_itself(document: dict[str, Any]) -> None:
    assert is_whole(document, document)


@pytest.mark.parametrize(
    ("changed", "whole"),
    [
        ({}, True),
        ({"hashes": [f"sha256:{'b' * 64}"]}, True),  # a file was added to the release since
        ({"hashes": []}, False),
        ({"hashes": [f"sha256:{'b' * 64}", f"sha256:{'9' * 64}"]}, False),
        ({"markers": 'python_version>="3.8"'}, True),
        ({"markers": "python_version >= '3.9'"}, False),
        ({"markers": ""}, False),
        ({"extras": ["Fast_Path"]}, True),
        ({"extras": []}, False),
        ({"index": "elsewhere"}, True),  # that is the Pipfile's matter, and its hash tells
        ({"version": "==2", "hashes": []}, True),  # another version is a change, told as one
    ],
)
def test_a_lock_that_would_not_install_as_the_index_says_is_not_whole(changed: dict[str, Any], *, whole: bool) -> None:
    entry = {
        "version": "==1",
        "hashes": [f"sha256:{letter * 64}" for letter in "abc"],
        "markers": "python_version >= '3.8'",
        "extras": ["fast-path"],
    }
    new = {"_meta": {}, "default": {"web": entry, "win": {"version": "*"}}}
    old = {"_meta": {}, "default": {"web": {**entry, **changed}, "win": {"version": "*", "markers": "x"}, "gone": {}}}
    assert is_whole(old, new) is whole


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"_meta": {', "not JSON.*line 1"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no _meta"),
        ('{"default": {}}', "no _meta"),
        ('{"_meta": {}, "default": []}', "'default' of Pipfile.lock is not a table"),
        ('{"_meta": {}, "default": null}', "'default' of Pipfile.lock is not a table"),
        ('{"_meta": {}, "default": {"a": 3}}', "'a' in the section 'default' of Pipfile.lock is not a table"),
        ('{"_meta": {}, "default": {"a": {"version": 3}}}', "'a' in the section 'default' .* has no version"),
        ('{"_meta": {"n": ' + "9" * 5000 + "}}", "not JSON"),
    ],
)
def test_what_is_not_a_lock_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("x\n-r /etc/passwd\nsix", {}, "is not a package name"),
        ("--index-url http://127.0.0.1/simple\n#", {}, "is not a package name"),
        ("evil @ file:///tmp/evil", {}, "is not a package name"),
        ("é", {}, "is not a package name"),
        ("six\n", {}, "is not a package name"),
        ("six", {"version": None}, "has no version"),
        ("six", {"version": ""}, "has no version"),
        ("six", {"version": ">=1"}, "has no version"),
        ("six", {"version": "==1\n-e /tmp/evil"}, "has no version"),
        ("six", {"version": "==${HOME}"}, "has no version"),
        ("six", {"version": "==1\\"}, "has no version"),
        ("six", {"hashes": None}, "has hashes"),
        ("six", {"hashes": [None]}, "has hashes"),
        ("six", {"hashes": ["md5:00"]}, "has hashes"),
        ("six", {"hashes": [f"{SUM}\n-r /etc/passwd"]}, "has hashes"),
        ("six", {"extras": "socks"}, "has extras"),
        ("six", {"extras": ["a]==1\n"]}, "has extras"),
        ("six", {"markers": 5}, "has markers"),
        ("six", {"markers": "python_version > '3'\n-r /etc/passwd"}, "has markers"),
        ("six", {"markers": "python_version > '3' --hash=sha256:0"}, "has markers"),
        ("six", {"markers": "python_version > ' --hash=sha256:0'"}, "has markers"),
        ("six", {"markers": "python_version > '3' # more"}, "has markers"),
        ("six", {"markers": "python_version > '${HOME}'"}, "has markers"),
        ("six", {"index": 3}, "has an index"),
    ],
)
def test_an_entry_that_is_not_one_pinned_package_is_refused_with_its_place(
    name: str, changes: dict[str, Any], sentence: str
) -> None:
    document = {"_meta": {}, "develop": {name: {"version": "==1", "hashes": [SUM], **changes}}}
    told = re.escape(f"{name!r} in the section 'develop' of Pipfile.lock {sentence}")
    with pytest.raises(ValueError, match=told) as caught:
        parse(json.dumps(document))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=told):  # and where nobody parsed it
        requirements(document, ["dev-packages"])


@pytest.mark.parametrize(
    "entry",
    [
        {"editable": True, "path": ".", "markers": None},
        {"git": "https://example.org/x.git", "ref": "0" * 40, "extras": None},
        {"file": "https://example.org/x.whl", "hashes": ["md5:0"]},
        {"version": "*"},
        {"markers": "sys_platform == 'win32'"},
    ],
)
def test_an_entry_that_is_never_installed_from_an_index_stays_as_it_is(entry: dict[str, Any]) -> None:
    document = {"_meta": {}, "default": {"tool": entry}}
    assert requirements(parse(json.dumps(document)), ["packages"]) == ""


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)
NASTY = st.text(alphabet="a1 -=\n\r\\#$'\"[];,@:/\u2028\x85>", max_size=12)
NEARLY = st.builds(
    lambda front, middle, end: front + middle + end,
    st.sampled_from(["", "six", "==1", SUM, "python_version > '3'"]),
    NASTY,
    st.sampled_from(["", "-r /etc/passwd", " --index-url x", "\n-e .", "'"]),
)
HOSTILE = st.dictionaries(
    NAMES | NEARLY,
    st.fixed_dictionaries(
        {"version": st.just("==1") | NEARLY | JSON},
        optional={
            "markers": st.just("os_name == 'posix'") | NEARLY | JSON,
            "hashes": st.lists(st.just(SUM) | NEARLY | JSON, max_size=3) | JSON,
            "extras": st.lists(st.just("x") | NEARLY | JSON, max_size=2) | JSON,
            "index": JSON,
        },
    )
    | JSON,
    max_size=3,
)
LINE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?={2,3}[A-Za-z0-9._!+-]+"
    r"( ; (?:(?! --| #|[\\$])[ -~])+?)?( --hash=sha256:[0-9a-f]{64})*"
)


def lines_or_refusal(text: str) -> tuple[str, str]:
    try:
        return requirements(parse(text), ["packages"]), ""
    except ValueError as problem:
        return "", str(problem)


@given(HOSTILE | JSON)
@settings(max_examples=400)
def test_whatever_a_lock_holds_an_installer_reads_pinned_packages_only(section: Any) -> None:
    told, refusal = lines_or_refusal(json.dumps({"_meta": {}, "default": section}))
    assert not refusal or ("Pipfile.lock" in refusal and "\n" not in refusal)
    lines = told.split("\n")[:-1]
    assert all(LINE.fullmatch(line) for line in lines)
    assert refusal or len(told.splitlines()) == len(lines) <= len(section)


def test_requirements_leave_out_what_was_left_out_for_the_platform() -> None:
    document = lock(default={"b": "2", "a": "1"})
    document["default"]["a"] |= {"extras": ["x", "y"], "markers": "python_version >= '3.8'"}
    document["default"]["winonly"] = {"version": "*", "markers": "sys_platform == 'win32'"}
    assert requirements(document, ["packages"]) == (
        f"a[x,y]==1 ; python_version >= '3.8' --hash={SUM}\nb==2 --hash={SUM}\n"
    )
    document["develop"] = {"a": document["default"]["a"] | {"extras": []}}
    assert requirements(document, ["packages", "dev-packages"]) == requirements(document, ["packages"])
    document["develop"] = {"a": {"version": "==9"}}
    with pytest.raises(ValueError, match="pin a to different versions"):
        requirements(document, ["packages", "dev-packages"])
    with pytest.raises(ValueError, match="no category 'docs'"):
        requirements(document, ["docs"])


def test_the_indexes_are_those_that_the_packages_of_the_categories_come_from() -> None:
    sources = [{"name": name, "url": f"https://{name}.example/simple"} for name in ("one", "two", "three")]
    document = lock(default={"a": "1"}, develop={"b": "1"})
    document["_meta"]["sources"] = sources
    document["develop"]["b"]["index"] = "two"
    assert indexes(document, ["packages"]) == {"one": "https://one.example/simple"}
    assert indexes(document, ["dev-packages"]) == {"two": "https://two.example/simple"}
    assert list(indexes(document, ["packages", "dev-packages"])) == ["one", "two"]
    for odd in ("null", "3", "[null]", "[{}]"):
        assert set(indexes({**document, "_meta": {"sources": json.loads(odd)}}, ["packages"])) <= {""}


def test_the_text_is_the_one_that_pipenv_writes() -> None:
    document = {"default": {}, "_meta": {"b": True, "a": ["é"]}}
    assert render(document) == json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"
    assert '"\\u00e9"' in render(document)


@pytest.mark.parametrize(("now", "whole"), [("no marker at all", True), ("python_version > '3'", False)])
def test_a_condition_that_nobody_can_read_is_compared_as_text(now: str, *, whole: bool) -> None:
    def locked(marker: str) -> dict[str, Any]:
        return {"_meta": {}, "default": {"flask": {"version": "==1.0", "hashes": [SUM], "markers": marker}}}

    assert is_whole(locked("no marker at all"), locked(now)) is whole
