"""What the bot writes: titles that count rightly, bodies that GitHub takes, texts that are read again."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.advice import Recommendation, Row
from bot.core.changes import Change, Kind
from bot.core.environments import Environment
from bot.core.evidence import (
    Accuracy,
    Evidence,
    Examination,
    Failure,
    NotExamined,
    ServiceResult,
    TrainingResult,
    Verdict,
)
from bot.core.packages import HeldBack
from bot.core.ports import CheckOutcome
from bot.core.stages import Done, Failed, Skipped, Started, Stopped, Verified
from bot.core.texts import advice, deployment, evidence, release, update
from bot.core.texts.release import Order, ReleaseText
from bot.core.texts.update import Move, UpdateText
from bot.core.versions import KINDS, Exactly, Wanted

HERE = Environment("default", "pipfile", "")
BASE, LOCK = "b" * 40, "c" * 64
RENDERER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def change(
    name: str,
    old: str = "1.0",
    new: str = "2.0",
    *,
    direct: bool = False,
    where: str = "packages",
    kind: Kind = "updated",
) -> Change:
    return Change(name, old, new, direct, tuple(where.split()), kind)


def text(*changes: Change, held_back: tuple[HeldBack, ...] = (), notes: tuple[str, ...] = (), python: str = "") -> str:
    moves = tuple(Move(item, "required by flask", date(2026, 10, 1), "pypi") for item in changes)
    moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    return update.body(UpdateText(HERE, moves, held_back, notes, BASE, LOCK, python, 7, "uv 0.9", moment))


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ((), "Refresh Pipfile.lock"),
        ((change("flask", direct=True),), "Update flask from 1.0 to 2.0 (packages)"),
        ((change("flask", "2.0", "1.0", kind="downgraded"),), "Downgrade flask from 2.0 to 1.0 (packages)"),
        ((change("flask", where="packages app"),), "Update flask from 1.0 to 2.0"),
        ((change("flask", "1.0", "", kind="removed"),), "Update 1 transitive dependency (packages)"),
        ((change("flask", "", "2.0", direct=True, kind="added"),), "Lock 1 direct dependency (packages)"),
        ((change("a", direct=True), change("b")), "Update 1 direct and 1 transitive dependencies (packages)"),
        ((change("a", where="app"), change("b", where="bot")), "Update 2 transitive dependencies"),
        (
            (change("a", direct=True, where="app"), change("a", "1.1", where="bot"), change("b", where="bot")),
            "Update 1 direct and 1 transitive dependencies",
        ),
    ],
)
def test_the_title_tells_the_truth(changes: tuple[Change, ...], title: str) -> None:
    assert update.title(changes, HERE) == title


@pytest.mark.parametrize(
    ("old", "new", "kind", "step"),
    [
        ("1.2.3", "2.0", "updated", "major"),
        ("0.2.3", "0.3.0", "updated", "major"),
        ("1.2.3", "1.3", "updated", "minor"),
        ("1.2", "1.2.1", "updated", "patch"),
        ("1", "1.0.1", "updated", "patch"),
        ("2.0", "1.0", "downgraded", "downgraded"),
        ("", "1.0", "added", "added"),
        ("1.0", "", "removed", "removed"),
        ("*", "1.0", "updated", "changed"),
        ("1.0", "4f2a9c", "updated", "changed"),
    ],
)
def test_the_step_of_each_package_is_named(old: str, new: str, kind: Kind, step: str) -> None:
    row = f"| {step} | required by flask | packages | pypi | 2026-10-01 |"
    assert row in text(change("flask", old, new, kind=kind))


def test_direct_changes_come_first_and_foreign_text_is_dead() -> None:
    held = (HeldBack("protobuf", "4.0", "5.0", "it was yanked: @all fixes #1 | <b>"),)
    body = text(
        change("zlib", direct=True), change("a|b`@all"), held_back=held, notes=("left out: `x` # y",), python="3.11"
    )
    assert body.index("`zlib` **direct**") < body.index("`aball`")
    assert "it was yanked: @\u200ball fixes #\u200b1 \\| \\<b\\>" in body
    assert "\n- left out: `x` # y" in body
    assert "for Python 3.11" in body
    assert "younger than 7 days" in body
    assert (
        len([token for token in RENDERER.parse(body) if token.type == "table_open"]) == 3
    )  # direct, others, held back


def test_a_package_that_two_categories_move_differently_has_a_row_for_each() -> None:
    body = text(
        change("packaging", "26.2", "26.3", where="bot"), change("packaging", "26.2", "", where="app", kind="removed")
    )
    assert "| `packaging` | 26.2 | 26.3 |" in body
    assert "| `packaging` | 26.2 | – |" in body
    assert "<summary>2 packages that others require</summary>" in body


def test_nothing_is_folded_where_nothing_else_moves() -> None:
    assert "that others require" not in text(change("flask", direct=True))


def test_nothing_held_back_is_said() -> None:
    assert "Nothing: every direct dependency is at its newest release" in text(change("a"))
    assert "for Python as the lock has it" in text(change("a"))


def test_a_body_of_two_thousand_packages_is_whole_and_says_where_the_rest_is() -> None:
    held = tuple(HeldBack(f"held-{n}", "1", "2", "x" * 400) for n in range(50))
    body = text(*(change(f"package-{n:04}") for n in range(2_000)), held_back=held, notes=("n" * 900,) * 30)
    assert len(body) <= 60_000
    assert "more: see the commit's message." in body
    assert update.parse(body) == update.Proposal(BASE, LOCK)
    assert evidence.not_checked(body, "why").startswith("<!-- bolide:verdict -->\n❔ **Not checked**: why")


@pytest.mark.parametrize("body", ["", "my own words", f"<!-- bolide:proposal base={BASE} lock=short -->"])
def test_a_body_without_its_mark_proposes_nothing(body: str) -> None:
    assert update.parse(body) is None


def test_the_message_has_a_line_for_each_package() -> None:
    moved = (change("a", "", "1", kind="added"), change("b", "1", "", kind="removed"))
    moves = tuple(Move(item, "", None, "") for item in moved)
    made = UpdateText(HERE, moves, (), (), BASE, LOCK, "", 7, "uv", datetime(2026, 11, 23, tzinfo=UTC))
    assert update.message(made).endswith("\n\n- a (new) → 1\n- b 1 → (gone)")


# Releases

NOTES = st.text().map(lambda notes: notes.replace("\r", "").replace("<!--", ""))


WANTED = st.sampled_from([*KINDS, Exactly("1!2.0rc1.post2.dev3"), Exactly("2.0-rc.1")])


def told(order: Order, notes: str, made: str | None = None) -> str:
    return release.body(order, "1.3.0", "1.2.3", BASE, notes if made is None else made, notes)


@given(NOTES, WANTED, st.integers(1, 10**9 - 1) | st.none(), st.booleans())
def test_a_release_is_read_as_it_was_written(notes: str, wanted: Wanted, issue: int | None, closes: bool) -> None:  # noqa: FBT001
    order = Order(wanted, issue, closes=closes and issue is not None)
    expected = ReleaseText(order, notes, BASE, edited=False)
    assert release.parse(told(order, notes)) == expected
    assert release.parse(told(order, notes).replace("\n", "\r\n")) == expected, "as GitHub keeps it after an edit"


@given(NOTES, NOTES)
def test_an_edit_of_the_notes_is_seen(made: str, notes: str) -> None:
    found = release.parse(told(Order("minor", 4, closes=True), notes, made))
    assert found is not None
    assert (found.notes, found.edited) == (notes, made.split() != notes.split())


def test_a_release_whose_text_a_person_wrote_tells_no_order_and_has_it_for_notes() -> None:
    assert release.parse("All new.") is None
    mark = f"<!-- bolide:release base={BASE} closes=4 wanted=minor notes={'0' * 64} -->"
    assert release.parse(f"{mark}\nAll new.") is None
    assert release.words(f"{mark}\r\nAll new.\r\nAnd more.") == "All new.\nAnd more."


def test_marks_in_the_notes_change_nothing() -> None:
    other = f"<!-- bolide:release base={'0' * 40} closes=1 wanted=major notes={'0' * 64} -->"
    found = release.parse(told(Order("patch", 9, closes=False), f"a\n<!-- /bolide:notes -->\n{other}"))
    assert found is not None
    assert (found.base_sha, found.order) == (BASE, Order("patch", 9, closes=False))
    assert found.notes.startswith("a\n")


def test_endless_notes_are_cut_and_the_rest_stays_readable() -> None:
    body = told(Order("minor", 4, closes=True), "line\n" * 50_000)
    found = release.parse(body)
    assert found is not None
    assert (len(body) <= 60_000, found.order.issue, found.edited) == (True, 4, False)
    assert "cut here" in found.notes


def test_checks_with_wild_names_are_told_quietly() -> None:
    outcomes = tuple(CheckOutcome(f"`@ada` {number}", "failed") for number in range(12))
    said = release.failed("1.3.0", outcomes, "the merge commit")
    assert "@ada" not in said
    assert "and 2 others failed on the merge commit" in said


# Deployments and evidence


def test_a_stage_is_told_in_its_status() -> None:
    failed = Failed("the gate says no", "", "x")
    assert deployment.context("train") == "bolide/train"
    assert [deployment.status(outcome) for outcome in (Started(), Done("a", 1.25), Skipped("same", None), failed)] == [
        ("pending", "running"),
        ("success", "done in 1.2 s"),
        ("success", "skipped: same"),
        ("failure", "the gate says no"),
    ]


def test_a_failed_run_is_told_with_its_log_and_the_way_to_see_it() -> None:
    result = Stopped("a" * 40, "train", Failed("@ada: <b>no</b>", "x\n" * 90_000 + "the end", "git checkout a && make"))
    said = deployment.comment(result, "http://127.0.0.1/")
    assert len(said) <= 60_000
    assert "train failed: @\u200bada: \\<b\\>no\\</b\\>" in said
    assert "the end\n```" in said
    assert [token.type for token in RENDERER.parse(said) if token.type == "fence"] == ["fence", "fence"]
    silent = deployment.comment(Stopped("a" * 40, "train", Failed("no", "", "make")), "")
    assert "(no output)" in silent


def test_a_service_without_model_is_verified_too() -> None:
    assert "with model none" in deployment.sentence(Verified("a" * 40, None, 3.0, 0))


def examination(service: ServiceResult | Failure | NotExamined, packages: str) -> Examination:
    return Examination(service, NotExamined("There is no training to examine."), "bubblewrap", packages, 1.0)


def test_evidence_without_figures_has_no_chart() -> None:
    nothing = examination(NotExamined("No service was found."), "a")
    shown = evidence.render(Evidence(nothing, nothing))
    assert "training not examined, service not examined" in shown
    assert "less is better" not in shown


def test_both_failures_are_shown_and_every_line_of_evidence_fits() -> None:
    bad = Failure("boot", "It ends. <details>" + "!" * 100_000, "x" * 100_000)
    both = Evidence(examination(bad, "a"), examination(Failure("import", "No.", ""), "b"))
    report = evidence.checked("a" * 40, both)
    assert len(report.summary) <= 60_000
    assert "**Today's lock, boot**: It ends. \\<details\\>" in report.summary
    assert evidence.read_json(report.summary)["verdict"] == "broken"
    assert evidence.read_json("my own words") == {}
    assert "(no output)" in report.summary
    assert report.conclusion == "failure"


def test_a_service_whose_digits_nobody_knows_has_no_latency() -> None:
    answered = ServiceResult("GET / answered 200", NotExamined("No digits."), 0.2, 80.0, 40.0)
    shown = evidence.render(Evidence(examination(answered, "a"), examination(answered, "b")))
    assert "p50" not in shown
    assert "service: peak memory | 80 MiB | 80 MiB" in shown
    assert "No digits." in shown


def test_a_training_whose_model_was_not_evaluated_has_no_accuracy() -> None:
    trained = TrainingResult(NotExamined("No evaluation."), 14.0, 20.0, 900.0, 800.0)
    both = Examination(NotExamined("No service."), trained, "bubblewrap", "a", 1.0)
    shown = evidence.render(Evidence(both, both))
    assert "accuracy" not in shown
    assert "training: seconds | 14.0 s | 14.0 s" in shown


def test_an_evaluation_without_recalls_has_no_worst_digit() -> None:
    trained = TrainingResult(Accuracy(0.9912, (), 10_000), 14.0, 20.0, 900.0, 800.0)
    both = Examination(NotExamined("No service."), trained, "bubblewrap", "a", 1.0)
    shown = evidence.render(Evidence(both, both))
    assert "accuracy after the short training | 99.12 %" in shown
    assert "worst digit" not in shown


@pytest.mark.parametrize(
    ("isolation", "said"),
    [
        ("pod", "in a pod of its own, with none of Bolide's keys"),
        ("process", "within limits, but not cut off (isolation: process)"),
        ("", "nowhere (isolation: nothing ran)"),
    ],
)
def test_how_the_code_was_kept_apart_is_told_as_it_was(isolation: str, said: str) -> None:
    one = replace(examination(NotExamined("No service."), "a"), isolation=isolation)
    assert said in evidence.render(Evidence(one, one))


def test_accuracies_stand_side_by_side_and_a_fall_is_not_safe() -> None:
    before, after = (
        Examination(
            NotExamined("No service."),
            TrainingResult(Accuracy(share, (share,) * 10, 10_000), 14.0, 20.0, 900.0, 800.0),
            "bubblewrap",
            str(share),
            1.0,
        )
        for share in (0.9912, 0.98)
    )
    report = evidence.checked("a" * 40, Evidence(before, after))
    assert "accuracy after the short training | 99.12 % | 98.00 %" in report.summary
    assert "The accuracy falls by 1.12 points" in report.summary
    assert evidence.read_json(report.summary)["after"]["accuracy"] == 0.98
    assert report.conclusion == "failure"


def test_a_text_that_lost_its_sections_gets_the_refusal_on_top() -> None:
    assert evidence.not_checked("mine", "why") == f"{evidence.headline(Verdict('not_checked', 'why'))}\n\nmine"


def test_advice_is_said_gravest_first_with_links_that_cannot_break_out() -> None:
    rows = (
        Row("INFO", "a note", "https://example.org/x", "a", "index", "2026-11-23"),
        Row("ERROR", "bad | @all", "https://example.org/x)y", "b", "osv", "2026-11-23"),
        *(Row("WARNING", f"number {number}", "http://plain", "c", "osv", "2026-11-23") for number in range(100)),
    )
    told = advice.comment(Recommendation("stable", rows, "Advisories: not checked.", 0.5, 0.5, None), "Pipfile.lock")
    lines = [line for line in told.splitlines() if line.startswith("| ")]
    assert lines[2].startswith("| ❌ | b | bad \\| @\u200ball | osv |")
    assert "example.org/x)y" not in told
    assert "… and 2 rows more: `python -m bot advise` shows all." in told
    assert "1 error, 100 warnings, 1 note; no other lock is better (score 0.500)." in told
    assert "[↗](https://example.org/x)" in advice.rows(rows[:1])
    assert advice.comment(Recommendation("latest", (), "", 0, 0, None), "x").startswith(
        "**Advice for x** (latest): nothing"
    )
