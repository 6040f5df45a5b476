"""Release notes in an update's pull request: what packages say is shown, and does nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.changes import Change
from bot.core.environments import Environment
from bot.core.releasenotes import Asked, Notes
from bot.core.texts import notes, update
from bot.core.texts.markdown import MAX_CHARACTERS, read_section, replace_section
from bot.core.texts.update import Move, Proposal, UpdateText
from tests.core.test_markdown import HOSTILE
from tests.managers.world import NOW, World

MARK = f"<!-- bolide:proposal base={'0' * 40} lock={'0' * 64} -->"


async def test_the_pull_request_tells_what_came_with_the_new_versions() -> None:
    world = World()
    world.release_notes.said = {"flask": "## 3.1.0\n\n- Streams, by @ada; fixes #1."}
    await world.install()
    body = world.repository.pulls[world.only_pull()].body
    assert "<details><summary>flask 2.2.5 → 3.1.0</summary>\n\n**3.1.0**\n\n- Streams, by @\u200bada" in body
    assert "- werkzeug 2.2.3 → 3.1.0: [changelog](<https://example.org/werkzeug/changes>), not reachable" in body
    # Direct dependencies come first.
    assert [asked.name for asked in world.release_notes.asked] == ["flask", "werkzeug"]
    assert body.index("### What changed") < body.index("### Release notes") < body.index("### Held back")


async def test_notes_are_read_for_a_new_proposal_only() -> None:
    world = World()
    await world.install()
    await world.install()
    assert len(world.release_notes.asked) == 2


def body_with(texts: list[str]) -> str:
    moves = tuple(
        Move(Change(f"package-{n}", "1.0", "2.0", n < 3, ("packages",), "updated"), "", None, "") for n in range(400)
    )
    found = tuple(Notes(Asked(f"package-{n}", "1.0", "2.0", ""), text, "", "") for n, text in enumerate(texts))
    where = Environment("default", "pipfile", "")
    return update.body(UpdateText(where, moves, (), (), "b" * 40, "c" * 64, "", 7, "uv", NOW, found))


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*HOSTILE, MARK, "<!-- bolide:evidence -->\n", "```\n"]) | st.text(), max_size=12))
def test_whatever_packages_say_the_body_is_read_as_it_was_written(texts: list[str]) -> None:
    body = body_with(texts)
    assert update.parse(body) == Proposal("b" * 40, "c" * 64)
    assert read_section(body, "evidence") == update.MEASURING
    assert read_section(replace_section(body, "evidence", "measured"), "evidence") == "measured"
    assert len(body) <= MAX_CHARACTERS


def test_a_megabyte_from_each_package_leaves_room_for_all_else() -> None:
    body = body_with(["word @everyone fixes #1 " * 42_000] * 100)
    assert len(body) <= MAX_CHARACTERS
    assert read_section(body, "evidence") == update.MEASURING
    assert body.endswith("</details>")


def test_many_packages_without_notes_are_folded() -> None:
    bare = [Notes(Asked(f"lib-{n}", "1.0", "2.0", ""), trouble="no changelog is named") for n in range(7)]
    assert "<details>" not in notes.render(bare[:5])
    assert "<summary>No notes of 7 packages</summary>\n\n- lib-0 1.0 → 2.0, lib-1" in notes.render(bare)
