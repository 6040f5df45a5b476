"""Why a package is where it is, why it moved, what was held back."""

from typing import Any

from bot.advisor import explain
from bot.advisor.explain import Parent, Wanted
from bot.advisor.knowledge import Stack, stack
from bot.advisor.policy import POLICIES
from bot.advisor.sieves import Sifted
from bot.core.advice import Fix
from bot.core.advisories import NotChecked
from bot.core.changes import Change
from bot.core.packages import HeldBack, Only, Resolution, ResolveRequest
from bot.core.pipfile import parse
from tests.advisor.scenes import knowledge

STABLE = POLICIES["stable"]
ADVISORY: dict[str, Any] = {
    "id": "PYSEC-1",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "lib"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.2"}, {"fixed": "1.4"}]}],
        }
    ],
}
INDEX: dict[str, Any] = {f"1.{minor}": {} for minor in range(9)} | {
    "2.0": {"day": "2026-11-20"},
    "3.0rc1": {},
    "words": {},
}
KNOWN = knowledge({"index": {"lib": INDEX, "parent": {"1.0": {}}}, "advisories": [ADVISORY]})


def test_a_package_is_explained_by_who_asks_for_it_and_what_speaks_against_newer_ones() -> None:
    wanted = Wanted({"packages": "<2.1"}, (Parent("parent", "1.0", "<1.8,>=1"), Parent("other", "2", "")))
    told = explain.explain("lib", "1.1", wanted, KNOWN, STABLE)
    assert told == (
        "lib is locked at 1.1, as of 2026-11-23.",
        "The project asks for it in [packages]: <2.1.",
        "parent 1.0 requires it: <1.8,>=1.",
        "other 2 requires it: any version.",
        "Nothing speaks against the locked version; no advisory of the test as of 2026-11-23 affects it.",
        "2.0 is not locked: parent 1.0 asks for <1.8,>=1.",
        "1.8 is not locked: parent 1.0 asks for <1.8,>=1.",
        "1.7 is not locked: nothing known speaks against it; an update can take it.",
        "… and 5 more releases between.",
    )


def test_the_projects_own_word_and_the_sieves_speak_too() -> None:
    told = explain.explain("lib", "1.3", Wanted({"app": "==1.3"}, ()), KNOWN, STABLE)
    assert "Against the locked version: it is affected by PYSEC-1 (fixed in 1.4) (the test, 2026-11-23)." in told
    assert "2.0 is not locked: the project asks for ==1.3 in [app]." in told
    told = explain.explain("lib", "1.8", Wanted({"app": ""}, ()), KNOWN, STABLE)
    assert told[-1].startswith("2.0 is not locked: it was released on 2026-11-20, after the cooldown's limit")


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    silent = knowledge({"index": {"lib": {"1.0": {}}}, "advisories": None})
    assert isinstance(silent.advisories, NotChecked)
    told = explain.explain("lib", "1.0", Wanted({}, ()), silent, STABLE)
    assert told[1:] == (
        "Nothing that is known asks for it: the lock may be older than its Pipfile.",
        "Nothing speaks against the locked version; advisories: not checked. Nobody answered.",
        "It is the newest final release.",
    )
    told = explain.explain("other", "1.0", Wanted({}, ()), silent, STABLE)
    assert told[-1].endswith("whether there are newer releases is unknown.")
    assert explain.checked(silent.advisories) == "Advisories: not checked. Nobody answered."


def test_metadata_lines_are_read_for_one_child() -> None:
    lines = ("Lib>=1,<2", "lib<1.9; python_version > '3'", 'lib; extra == "x"', "not a requirement !", "other")
    assert explain.asks(lines, "lib", "3.11") == "<2,>=1,<1.9"
    assert explain.asks(("lib",), "lib", "3.11") == ""
    assert explain.asks(('lib; extra == "x"',), "lib", "3.11") is None
    byversion = ("lib<1; python_version < '3.10'", "lib>=1; python_version >= '3.10'", "lib; sys_platform == 'win32'")
    assert explain.asks(byversion, "lib", "3.11.2") == ">=1"
    assert explain.asks(byversion, "lib", "3.9") == "<1"


def test_a_move_away_from_a_fault_says_so() -> None:
    many = [{**ADVISORY, "id": f"PYSEC-{number}"} for number in range(7)]
    index = {"lib": INDEX, "yanked": {"1.0": {"yanked": True}, "1.1": {}}, "gone": {"2.0": {}}}
    known = knowledge({"index": index, "advisories": many})
    before = Stack({"lib": "1.3", "yanked": "1.0", "gone": "1.0", "same": "1.0"}, frozenset())
    after = Stack({"lib": "1.4", "yanked": "1.1", "gone": "2.0", "same": "1.0", "new": "1.0"}, frozenset())
    told = explain.reasons(before, after, known)
    assert set(told) == {"lib", "yanked"}
    assert told["lib"].startswith("fixes PYSEC-0 (fixed in 1.4), ")
    assert told["lib"].endswith(" and 2 more")
    assert told["yanked"] == "1.0 was yanked from the index"
    (fix,) = explain.fixes(before, known)
    assert fix.minimum == "1.4"
    assert "and 2 more; 1.4 is the first version without them." in fix.reason
    assert any("and 2 more" in row.message for row in explain.rows(before, known, STABLE))
    unfixed = {"id": "PYSEC-9", "affected": [{**ADVISORY["affected"][0], "ranges": [], "versions": ["1.3"]}]}
    known = knowledge({"index": {"lib": INDEX}, "advisories": [unfixed]})
    assert explain.reasons(Stack({"lib": "1.3"}, frozenset()), Stack({"lib": "1.4"}, frozenset()), known) == {
        "lib": "fixes PYSEC-9"
    }


def sifted(version: str) -> Sifted:
    return Sifted("lib", version, "rule", "a rule refuses it", "", "rule X", "2026-11-23", excludes=True)


def test_held_back_is_told_in_the_words_of_the_sieve() -> None:
    held = (HeldBack("lib", "1.0", "2.0", "another package does not allow it"), HeldBack("zeta", "1", "2", "so"))
    found = Resolution("", {}, {}, held, (), "uv", 0.1)
    avoided = {"lib": (sifted("words"), sifted("2.0"), sifted("1.9")), "low": (sifted("0.1"),), "gone": (sifted("1"),)}
    told = explain.held_back(found, avoided, {"lib": "1.0", "low": "1.0"})
    assert [(each.name, each.latest, each.reason) for each in told] == [
        ("lib", "2.0", "a rule refuses it (rule X, 2026-11-23)"),
        ("zeta", "2", "so"),
    ]
    other = Resolution("", {}, {}, (HeldBack("lib", "1.0", "3.0", "the Pipfile asks for <3"),), (), "uv", 0.1)
    assert explain.held_back(other, avoided, {"lib": "1.0"})[0].reason == "the Pipfile asks for <3"


def test_moves_are_rows_with_the_page_they_are_from() -> None:
    changes = (
        Change("lib", "1.0", "1.1", direct=True, categories=("packages",), kind="updated"),
        Change("new", "", "1.0", direct=False, categories=("packages",), kind="added"),
    )
    rows = explain.moved(changes, (HeldBack("lib", "1.1", "2.0", "it was yanked"),), KNOWN)
    assert [(row.type, row.message, row.link) for row in rows] == [
        ("WARNING", "lib 1.0 → 1.1: the project names it.", "https://pypi.org/simple/lib/"),
        ("WARNING", "new (new) → 1.0: others require it.", ""),
        ("INFO", "lib stays at 1.1, 2.0 is out: it was yanked.", "https://pypi.org/simple/lib/"),
    ]


def test_what_is_unsafe_alone_is_asked_for() -> None:
    request = ResolveRequest(parse('[packages]\nlib = "*"\n'), constraints=("x<2",))
    told = (Fix("lib", "1.0", "1.4", ("P",), "", ""), Fix("hopeless", "1", "", ("P",), "", ""))
    exact = explain.secured(request, told)
    assert (exact.upgrade, exact.constraints, exact.exempt) == (
        Only(frozenset({"lib"})),
        ("x<2", "lib==1.4"),
        frozenset({"lib"}),
    )
    assert explain.secured(request, told, at_least=True).constraints == ("x<2", "lib>=1.4")


def test_a_lock_is_read_as_a_stack_default_first() -> None:
    lock = {
        "_meta": {},
        "app": {"lib": {"version": "==2"}, "git": {"ref": "x"}},
        "default": {"Lib": {"version": "==1"}, "any": {"version": "*"}},
    }
    assert stack(lock, ("lib", "absent")) == Stack({"lib": "1"}, frozenset({"lib"}))
