"""A requirements.txt follows the lock beside it, where the configuration asks for it."""

from bot.core import lockfile, pipfile
from bot.core.texts import requirements as text
from tests.managers.world import PIPFILE, World, lock

ON = "managers: [{name: requirements, labels: [bot]}, {name: update, enabled: false}]\n"


def world(files: dict[str, str] | None = None) -> World:
    made = World()
    made.repository.push({".github/bolide.yaml": ON, **(files or {})})
    return made


def proposed(made: World) -> str:
    number = made.only_pull()
    pull = made.repository.pulls[number]
    assert (pull.branch, pull.title) == (text.BRANCH, text.TITLE)
    return made.repository.text(made.repository.branches[text.BRANCH], "requirements.txt")


async def test_it_says_what_the_lock_says() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    pin = f"--hash=sha256:{'0' * 64}"
    head = "# Made from Pipfile.lock; change the Pipfile, not this file."
    assert proposed(made).splitlines() == [head, f"flask==2.2.5 {pin}", f"werkzeug==2.2.3 {pin}"]


async def test_it_is_renewed_when_the_lock_moves_and_then_left_alone() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    await made.pushed({"Pipfile.lock": lock(flask="3.1.0", werkzeug="3.1.0")})
    assert "flask==3.1.0" in proposed(made)
    writes = list(made.repository.writes)
    await made.pushed({"README.md": "yet more"})
    assert made.repository.writes == writes
    await made.merged(made.only_pull())
    await made.pushed({"README.md": "again more"})
    assert made.notes[-1].startswith("Every requirements.txt") or "Every requirements.txt" in " ".join(made.notes[-9:])


async def test_declined_it_is_not_proposed_again() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    made.repository.pulls[made.only_pull()].state = "closed"
    writes = list(made.repository.writes)
    await made.pushed({"README.md": "yet more"})
    assert made.repository.writes == writes


async def test_a_person_s_commit_ends_it() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    made.repository.push({"requirements.txt": "mine\n"}, branch=text.BRANCH, author="ada")
    await made.pushed({"Pipfile.lock": lock(flask="3.1.0", werkzeug="3.1.0")})
    assert proposed(made) == "mine\n"


async def test_a_file_that_is_compiled_from_another_is_left_alone() -> None:
    made = world({"requirements.in": "flask\n", "requirements.txt": "flask==2.2.5\n"})
    await made.pushed({"README.md": "more"})
    assert made.bot_branches() == set()


async def test_by_default_nothing_is_synchronised() -> None:
    made = World()
    made.repository.push({"README.md": "x"})
    await made.pushed({"README.md": "more"})
    assert text.BRANCH not in made.bot_branches()


async def test_two_indexes_cannot_be_said() -> None:
    other = '[[source]]\nurl = "https://other.example/simple"\nverify_ssl = true\nname = "other"\n\n'
    wanted = other + PIPFILE + 'torch = {version = "*", index = "other"}\n'
    entries = {
        "flask": {"hashes": [], "version": "==1", "index": "pypi"},
        "torch": {"version": "==2", "index": "other"},
    }
    sources = [{"name": source.name, "url": source.url} for source in pipfile.parse(wanted).sources]
    meta = {"hash": {"sha256": "0" * 64}, "pipfile-spec": 6, "requires": {}, "sources": sources}
    made = world(
        {"Pipfile": wanted, "Pipfile.lock": lockfile.render({"_meta": meta, "default": entries, "develop": {}})}
    )
    await made.pushed({"README.md": "more"})
    assert made.bot_branches() == set()
    assert any("cannot say which package is from which" in note for note in made.notes)


async def test_a_lock_that_is_none_is_said() -> None:
    made = world({"Pipfile.lock": "{"})
    await made.pushed({"README.md": "more"})
    assert any(note.startswith("refused: ") for note in made.notes)
