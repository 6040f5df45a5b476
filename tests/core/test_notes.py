"""Release notes: each merged change under its heading, nobody called, a person's edits kept."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import notes, sbom
from bot.core.changes import Change
from bot.core.ports import CommitSummary, History, MergedPull

BOT = "bolide[bot]"
COMPARE = "https://github.example/ada/digits/compare/v1.0...v1.1"


def commit(sha: str, message: str, *parents: str, login: str = "ada") -> CommitSummary:
    return CommitSummary(sha * 7, message, login.title(), login, tuple(parent * 7 for parent in parents))


def pull(number: int, sha: str, title: str, *labels: str, branch: str = "topic", body: str = "") -> MergedPull:
    return MergedPull(number, title, body, labels, "ada", branch, sha * 7)


def render(
    *commits: CommitSummary, pulls: tuple[MergedPull, ...] = (), written: str = "", moved: tuple[Change, ...] = ()
) -> str:
    history = History(commits, len(commits), "f" * 40, "page")
    return notes.render(
        notes.Material(written, history, pulls, moved, "v1.0", COMPARE, BOT, "bolide/update", "bolide/release")
    )


def heading(title: str, *labels: str, body: str = "") -> str:
    found = dict(notes.parse(render(commit("a", title), pulls=(pull(1, "a", title, *labels, body=body),))))
    return next(name for name, text in found.items() if "(#1)" in text)


@pytest.mark.parametrize(
    ("title", "labels", "body", "expected"),
    [
        ("feat: draw", (), "", "Added"),
        ("Fix(page): draw", (), "", "Fixed"),
        ("perf: draw", (), "", "Changed"),
        ("docs: draw", (), "", "Other changes"),
        ("feat!: draw", ("bug",), "", "Breaking changes"),
        ("fix: draw", (), "Text.\n\nBREAKING CHANGE: gone", "Breaking changes"),
        ("fix: draw", ("Enhancement",), "", "Added"),
        ("chore: draw", ("security",), "", "Security"),
        ("Draw with 2: hands", (), "", "Changed"),
        ("wip: draw", (), "", "Changed"),
        ("Draw", ("documentation",), "", "Other changes"),
    ],
)
def test_labels_and_conventional_titles_lead_to_a_heading(
    title: str, labels: tuple[str, ...], body: str, expected: str
) -> None:
    assert heading(title, *labels, body=body) == expected


def test_what_a_merge_brought_in_is_told_by_its_pull_request_alone() -> None:
    merge = commit("c", "Merge pull request #4 from ada/topic", "a", "b")
    found = render(merge, commit("b", "An inner step", "a"), commit("a", "Begin"), pulls=(pull(4, "c", "fix: digits"),))
    assert "### Fixed\n\n- Digits (#4)" in found
    assert "inner step" not in found
    assert "- Begin (aaaaaaa)" in found


def test_what_was_written_stands_once_and_first() -> None:
    written = "### Fixed\n\n- Everything, see #4.\n\n### Thoughts\n\nMany."
    found = render(commit("b", "x", "a"), commit("a", "fix: y"), pulls=(pull(4, "b", "fix: x"),), written=written)
    sections = dict(notes.parse(found))
    assert list(sections) == ["Fixed", "Thoughts", "Contributors", "All changes"]
    assert sections["Fixed"] == "- Everything, see #4.\n- Y (aaaaaaa)"


def test_dependencies_are_one_table_with_true_counts() -> None:
    commits = (
        commit("d", "Bump actions/checkout from 3 to 4", "c", login="dependabot[bot]"),
        commit("c", "build(deps): numpy", "b"),
        commit("b", "Update 2 direct dependencies", "a", login=BOT),
        commit("a", "Release 1.0 (#3)", login=BOT),
    )
    pulls = (pull(5, "b", "Update 2 direct dependencies", branch="bolide/update-training"),)
    moved = tuple(
        Change(f"p{number}", "1", "2", direct=True, categories=(category,), kind="updated")
        for number in range(150)
        for category in ("packages", "training")
    )
    found = dict(notes.parse(render(*commits, pulls=pulls, moved=moved)))
    assert found["Dependencies"].startswith("150 packages moved in 3 updates.\n\n| package | from | to |")
    assert found["Dependencies"].endswith("… and 100 rows more.")
    assert set(found) == {"Dependencies", "Contributors", "All changes"}
    assert found["Contributors"] == "ada"
    without = dict(notes.parse(render(*commits, pulls=pulls)))
    assert "- Bump actions/checkout from 3 to 4 (ddddddd)" in without["Dependencies"]
    assert dict(notes.parse(render(moved=moved[:1])))["Dependencies"].startswith("1 package moved.")


def test_contributors_are_named_and_not_called() -> None:
    trailer = "Go on\n\nCo-authored-by: Eve @all <eve@example.org>\nCo-authored-by: renovate[bot] <x@example.org>"
    found = dict(notes.parse(render(commit("a", trailer, login="rob"))))
    assert found["Contributors"] == "Eve @\u200ball, rob"
    many = tuple(commit("a", "x", login=f"p{number:03}") for number in range(120))
    chain = tuple(
        CommitSummary(f"{n:07}", each.message, each.author, each.login, (f"{n + 1:07}",)) for n, each in enumerate(many)
    )
    assert dict(notes.parse(render(*chain)))["Contributors"].endswith("p099 and 20 more")


def test_a_long_history_is_cut() -> None:
    chain = tuple(CommitSummary(f"{n:07}", f"fix: Step {n}", "Ada", "ada", (f"{n + 1:07}",)) for n in range(60))
    fixed = dict(notes.parse(render(*chain)))["Fixed"].splitlines()
    assert (len(fixed), fixed[0], fixed[-1]) == (51, "- Step 0 (0000000)", "- … and 10 more")


def test_what_is_left_out_and_nothing_at_all() -> None:
    assert "Secret" not in render(commit("a", "Secret"), pulls=(pull(6, "a", "Secret", "Skip-Changelog"),))
    empty = notes.Material("", History((), 0, "", ""), (), (), "", "", BOT, "bolide/update", "bolide/release")
    assert notes.render(empty) == "No notable changes."
    released = (pull(9, "a", "Release 1", branch="bolide/release"),)
    assert list(dict(notes.parse(render(commit("a", "x"), pulls=released)))) == ["All changes"]


# A person's edits


def test_edits_stay_and_what_is_new_comes_in() -> None:
    before = "### Added\n\n- One (#1)\n\n### Fixed\n\n- Two (#2)\n\n### Contributors\n\nada"
    edited = "Hello.\n\n### Added\n\n- One, and it matters (#1)\n\n### Contributors\n\nada"
    after = (
        "### Added\n\n- Four (#4)\n- One (#1)\n\n### Fixed\n\n- Three (#3)\n- Two (#2)\n\n"
        "### Contributors\n\nada, rob\n\n### Security\n\n- Five (#5)"
    )
    assert notes.merge(before, edited, after) == (
        "Hello.\n\n### Added\n\n- One, and it matters (#1)\n- Four (#4)\n\n### Contributors\n\nada, rob\n\n"
        "### Fixed\n\n- Three (#3)\n\n### Security\n\n- Five (#5)"
    )
    assert notes.merge("### A\n\n- x", "### A\n\n- x", "### B\n\n- y") == "### B\n\n- y"


LINES = st.lists(st.sampled_from(["- a", "- b", "- c", "| d | e |", "words"]), min_size=1, max_size=4)
NOTES = st.dictionaries(st.sampled_from(["Added", "Fixed", "Other"]), LINES.map("\n".join), max_size=3).map(
    notes.unparse
)


@given(NOTES, NOTES)
def test_notes_that_nobody_edited_are_the_new_ones_and_those_of_no_change_are_theirs(old: str, other: str) -> None:
    assert dict(notes.parse(notes.merge(old, old, other))) == dict(notes.parse(other))
    assert dict(notes.parse(notes.merge(old, other, old))) == dict(notes.parse(other))


# The bill of materials


def test_the_bill_of_materials_names_every_pin_once() -> None:
    flask = {"version": "==3.1.0", "hashes": ["sha256:" + "b" * 64, "sha256:" + "a" * 64, "md5:1"]}
    lock = {
        "_meta": {},
        "default": {"Flask": flask, "mine": {"path": "."}},
        "develop": {"flask": flask, "other": {"ref": "abc", "git": "https://example.org/x"}},
    }
    bill = json.loads(sbom.render(lock, "digits", "1.3.0", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == "1.3.0"
    assert [part["purl"] for part in bill["components"]] == [
        "pkg:pypi/flask@3.1.0",
        "pkg:pypi/mine",
        "pkg:pypi/other@abc",
    ]
    assert [found["content"][0] for found in bill["components"][0]["hashes"]] == ["a", "b"]
    assert [found["value"] for found in bill["components"][0]["properties"]] == ["default", "develop"]
