"""The tracking issue's body: what is read back is what was written, and a person's words stay."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.packages import HeldBack
from bot.core.steering import Ignored
from bot.core.texts import dashboard
from bot.core.texts.dashboard import Dashboard, Look, Waiting
from bot.core.texts.markdown import MAX_CHARACTERS

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PACKAGES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)
TEXT = st.text(max_size=200)
ENTRIES = st.builds(
    Ignored,
    PACKAGES,
    st.sampled_from(["", ">=5", "<6,>=5", "==5.*", "!=1.0.1"]),
    st.none() | st.dates(),
    TEXT,
    TEXT,
)
LOOKS = st.builds(
    Look,
    TEXT,
    st.just(NOW),
    st.lists(st.from_regex(r"#[0-9]{1,4}", fullmatch=True), max_size=5).map(tuple),
    st.lists(st.builds(Waiting, TEXT, TEXT), max_size=4).map(tuple),
    st.lists(st.builds(HeldBack, TEXT, TEXT, TEXT, TEXT), max_size=4).map(tuple),
    TEXT,
    TEXT,
)
PEOPLE = st.text(max_size=300).filter(lambda text: "bolide:" not in text and "\0" not in text)


def seen(look: Look, *ignored: Ignored) -> Dashboard:
    return dashboard.with_look(Dashboard(ignored), look)


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, max_size=6).map(tuple), st.lists(LOOKS, max_size=4), PEOPLE, PEOPLE)
def test_what_is_written_is_read_back_with_people_around_it(
    ignored: tuple[Ignored, ...], looks: list[Look], above: str, below: str
) -> None:
    wanted = Dashboard(ignored)
    for look in looks:
        wanted = dashboard.with_look(wanted, look)
    body = dashboard.render("", wanted)
    assert len(body) <= MAX_CHARACTERS
    assert dashboard.parse(body) == wanted
    edited = f"{above}\n{body}\n{below}"
    again = dashboard.render(edited, dashboard.parse(edited))
    assert again == edited
    assert dashboard.parse(again) == wanted


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=2000))
def test_no_body_is_too_strange(body: str) -> None:
    found = dashboard.parse(body)
    made = dashboard.render(body, found)
    assert dashboard.parse(made) == found
    assert dashboard.render(made, found) == made


def test_the_fullest_dashboard_fits() -> None:
    def entry(number: int) -> Ignored:
        return Ignored("a" * 90 + f"{number}", ">=" + "1" * 60, date(2027, 1, 1), "*" * 100, "ada")

    ignored = tuple(map(entry, range(60)))
    assert not dashboard.is_full(ignored)
    assert dashboard.is_full((*ignored, entry(60)))
    assert dashboard.is_full(tuple(Ignored("a", f">={n}", reason="<" * 200) for n in range(30)))
    held = tuple(HeldBack("*" * 300, "1", "2", "[" * 300) for _ in range(200))
    waiting = tuple(Waiting("_" * 400, "w" * 300) for _ in range(200))
    made = Dashboard(ignored)
    for number in range(3):
        made = dashboard.with_look(made, Look(f"env-{number}", NOW, ("#1", "#2"), waiting, held, "c" * 5_000, "then"))
    body = dashboard.render("", made)
    assert len(body) <= MAX_CHARACTERS
    assert dashboard.parse(body).ignored == ignored
    assert "… cut here." in body


def test_it_shows_what_is_open_waiting_held_back_and_ignored() -> None:
    look = Look(
        "",
        NOW,
        ("#12", "#13"),
        (Waiting("Update numpy from 1.0 to 2.0", "the schedule"),),
        (HeldBack("protobuf", "4.0", "5.0", "the Pipfile asks for <5"),),
        "",
        "Monday",
    )
    body = dashboard.render("", seen(look, Ignored("keras", ">=3", date(2027, 1, 1), "Breaks @ada's notebook", "ada")))
    for words in ("**Open**: #12, #13", "numpy from 1.0 to 2.0 | the schedule", "| protobuf | 4.0 | 5.0 |", "Monday"):
        assert words in body
    assert "| keras | `>=3` | 2027-01-01 | Breaks @\u200bada's notebook | ada |" in body
    assert "Nothing is ignored" not in body


def test_a_conflict_is_told_and_gone_when_it_is_solved() -> None:
    conflict = seen(Look("", NOW, trouble="Because flask needs werkzeug>=3, nothing fits."))
    body = dashboard.render("", conflict)
    assert "Nothing could be proposed**: Because flask needs werkzeug" in body
    solved = dashboard.with_look(dashboard.parse(body), Look("", NOW))
    assert "Because flask" not in dashboard.render(body, solved)


def test_a_look_that_saw_nothing_new_changes_nothing() -> None:
    first = seen(Look("", NOW, ("#12",)))
    assert dashboard.with_look(first, Look("", NOW.replace(year=2027), ("#12",))) == first
    assert dashboard.with_look(first, Look("", NOW.replace(year=2027), ("#13",))) != first


def test_an_environment_that_is_gone_leaves() -> None:
    both = dashboard.with_look(seen(Look("", NOW)), Look("docs", NOW))
    body = dashboard.render("Mine", both)
    left = dashboard.without(dashboard.parse(body), [""])
    made = dashboard.render(body, left)
    assert "### docs" not in made
    assert made.startswith("Mine")


@pytest.mark.parametrize(
    "entries",
    [
        "[,]",
        "[1]",
        '[{"package": "../x"}]',
        '[{"package": "flask", "specifier": "rm -rf"}]',
        '[{"package": "flask", "until": "never"}]',
        '[{"specifier": ">=5"}]',
    ],
)
def test_damaged_entries_do_not_count(entries: str) -> None:
    body = dashboard.render("", Dashboard()).replace("<!-- entries [] -->", f"<!-- entries {entries} -->")
    assert dashboard.parse(body).ignored == ()


def test_configured_entries_are_shown_but_not_kept() -> None:
    body = dashboard.render("", Dashboard(), (Ignored("keras", reason="Later"),))
    assert "| keras | every newer version | – | Later | configuration |" in body
    assert dashboard.parse(body).ignored == ()


def test_the_status_is_what_the_dashboard_says() -> None:
    assert "There was no look" in dashboard.status(Dashboard())
    said = dashboard.status(seen(Look("", NOW, ("#12",)), Ignored("keras")), (Ignored("flask"),))
    assert "#12" in said
    assert "**Ignored**: 2 entries" in said
