"""Releases through the inbox: asked for, kept up to date, held up, published, taken back, yanked."""

import json
from datetime import timedelta

import pytest

from bot.core import repoconfig
from bot.core.ports import CheckOutcome
from bot.core.repoconfig import ConfigError
from tests.managers.memory_forge import Killed
from tests.managers.world import NOW, ROB, World, lock

VERSION, TOML = "digits/__init__.py", "pyproject.toml"


@pytest.fixture
def world() -> World:
    return World()


def versioned(version: str) -> dict[str, str]:
    return {VERSION: f'__version__ = "{version}"\n', TOML: f'[project]\nname = "digits"\nversion = "{version}"\n'}


async def published(world: World, number: int) -> str:
    """A person merges the release; its stages end, then it is published. The merge's commit."""
    sha = await world.merged(number)
    await world.wait(5)
    return sha


async def edited(world: World, number: int) -> None:
    """GitHub tells that somebody edited the pull request."""
    pull = world.repository.pulls[number]
    told = {"number": number, "state": "open", "head": {"ref": pull.branch, "repo": {"id": world.repository.id}}}
    await world.deliver("pull_request", action="edited", pull_request=told)


# Asking


async def test_a_release_from_the_title_to_the_closed_issue(world: World) -> None:
    issue = await world.titled("  new MINOR release \t")
    number = world.only_pull()
    pull = world.repository.pulls[number]
    assert (pull.title, pull.branch) == ("Release 1.3.0", "bolide/release")
    assert f"Asked for in #{issue}, which ends with the release." in pull.body
    assert world.repository.comments[issue, "answer title"].startswith(f"#{number} proposes it as **Release 1.3.0**")
    head = world.repository.branches[pull.branch]
    assert world.repository.text(head, VERSION) == '__version__ = "1.3.0"  # released\n'
    assert 'version = "1.3.0"' in world.repository.text(head, TOML)
    assert "## [1.3.0] - 2026-11-23\n\n- The page shows the model." in world.repository.text(head, "CHANGELOG.md")
    pull.body = pull.body.replace("shows the model", "shows which model answers").replace("\n", "\r\n")
    sha = await published(world, number)
    await world.tell_of_merge(number, pull.branch, sha)
    assert world.repository.tag_commits == {"v1.3.0": sha}
    assert "- The page shows which model answers." in world.repository.releases["v1.3.0"]
    assert "\r" not in world.repository.releases["v1.3.0"]
    assert "bolide/release" not in world.repository.branches
    said = f"Released as [v1.3.0](https://github.example/ada/digits/releases/tag/v1.3.0), from #{number}."
    assert world.repository.comments[issue, "released 1.3.0"] == said
    assert world.repository.comments[number, "release"] == said
    assert world.repository.open_issues == set()
    once = [write for write in world.repository.writes if "release" in write and "comment" not in write]
    assert once == ["commit bolide/release", "release v1.3.0", "delete bolide/release"]


@pytest.mark.parametrize(
    ("current", "title", "version"),
    [
        ("1.2.3", "New calendar release", "2026.11.23"),
        ("2026.11.23", "New calendar release", "2026.11.23.1"),
        ("1.2.3", "New major release", "2.0.0"),
        ("1.1.0", "New patch release", "1.1.1"),
        ("1.2.3", "New pre-release", "1.2.4rc1"),
        ("1.2.3", "New build release", "1.2.3.post1"),
        ("1.2.4rc3", "Finalize version", "1.2.4"),
        ("1.2.3", "v1.4.0 release", "1.4.0"),
        ("1!1.2.3", "1!2.0.0-rc.1 release", "1!2.0.0rc1"),
    ],
)
async def test_each_kind_by_its_title(world: World, current: str, title: str, version: str) -> None:
    world.repository.tag_commits["v1.1.10"] = world.repository.head
    world.repository.push(versioned(current))
    await world.titled(title)
    number = world.only_pull()
    assert world.repository.pulls[number].title == f"Release {version}"
    await published(world, number)
    assert set(world.repository.releases) == {f"v{version}"}
    assert world.repository.prereleases == ({f"v{version}"} if "rc" in version else set())


@pytest.mark.parametrize(
    "title", ["Initial release", "New release", "Release 1.2.4", "1.2.4 release notes", "x release"]
)
async def test_what_only_looks_like_a_release_is_none(world: World, title: str) -> None:
    await world.titled(title)
    assert (world.notes, world.repository.writes) == ([], [])


async def test_an_issue_that_was_closed_before_it_came_to_it_is_not_released(world: World) -> None:
    world.forge.outages = 1
    issue = await world.titled("New minor release")
    world.repository.open_issues.discard(issue)
    await world.wait(7)
    assert world.notes[-1] == f"#{issue} was closed before it came to that."
    assert world.bot_branches() == set()


async def test_an_issue_that_is_about_more_stays_open(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/release patch")
    number = world.only_pull()
    assert f"Asked for in #{issue}." in world.repository.pulls[number].body
    await published(world, number)
    assert world.repository.tag_commits.keys() == {"v1.2.4"}
    assert (issue, "released 1.2.4") in world.repository.comments
    assert world.repository.open_issues == {issue}


async def test_the_label_of_a_merged_pull_request_asks_for_a_release(world: World) -> None:
    world.repository.push({"a": "b"}, branch="topic")
    world.repository.open_pull("topic", "feat(page)!: Draw digits", "").labels = ("minor-release", "enhancement")
    await world.merged(1)
    number = world.only_pull()
    assert world.repository.pulls[number].title == "Release 1.3.0"
    assert world.repository.comments[1, "release asked"].startswith(f"#{number} proposes it")
    assert "### Breaking changes\n\n- **page:** Draw digits (#1)" in world.repository.pulls[number].body
    world.repository.open_pull("topic", "More", "").labels = ("minor-release", "major-release")
    await world.merged(3)
    said = "The labels ask for major and minor releases at once; comment `/release KIND`."
    assert world.repository.comments[3, "release asked"] == said


async def test_who_may_not_write_gets_no_release_taken_back_or_yanked(world: World) -> None:
    issue = await world.titled("New minor release", ROB)
    for number, text in enumerate(("/release minor", "/release cancel", "/yank 1.2.3")):
        await world.commented(issue, text, ROB, number)
    assert list(world.repository.comments) == [(issue, "refused")]
    assert world.bot_branches() == set()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {TOML: '[project]\nversion = "9"\n'},
            "digits/__init__.py says 1.2.3, pyproject.toml says 9; make them agree.",
        ),
        ({TOML: ""}, "names pyproject.toml in `release.version_files`, but there is no such file"),
        ({TOML: "[project]\n"}, "pyproject.toml has no version"),
        ({"CHANGELOG.md": "# Changelog\n"}, 'CHANGELOG.md has no section "## [Unreleased]"'),
        ({"CHANGELOG.md": "## [Unreleased]\n\n## 1.3.0\n"}, "CHANGELOG.md has a section for 1.3.0 already"),
        (versioned("Initial release"), "says 'Initial release', which is no version (PEP 440)"),
        (versioned("1.2+local"), "1.2+local has a local part (+local)"),
        (versioned("2026.11.22"), "2026.11.22 is a calendar version"),
        (
            {".github/bolide.yaml": "release: {version_files: [README.md]}", "README.md": "# 1.2.3\n"},
            "README.md has no",
        ),
    ],
)
async def test_a_release_that_cannot_be_made_is_refused_with_the_reason(
    world: World, files: dict[str, str], sentence: str
) -> None:
    world.repository.push(files)
    issue = await world.titled("New minor release")
    assert sentence in world.repository.comments[issue, "answer title"]
    assert world.bot_branches() == set()


async def test_tag_branch_and_archive_stand_in_the_way(world: World) -> None:
    world.repository.tag_commits["v2.0"] = world.repository.head
    issue = world.repository.issue()
    await world.commented(issue, "/release major", comment=1)
    world.repository.push({"x": "mine"}, branch="bolide/release")
    await world.commented(issue, "/release patch", comment=2)
    world.repository.archived = True
    await world.commented(issue, "@bolide release minor", comment=3)
    assert [world.repository.comments[issue, f"answer {n}"].split(";")[0] for n in (1, 2, 3)] == [
        "The tag v2.0 exists already, but the files still say 1.2.3",
        "A person has committed to bolide/release",
        "The repository is archived",
    ]


async def test_without_version_files_the_usual_places_are_found(world: World) -> None:
    world.repository.push(
        {".github/bolide.yaml": "", "setup.py": "setup(\n", "CITATION.cff": CITATION, "CHANGELOG.md": ""}
    )
    await world.titled("New minor release")
    head = world.repository.branches["bolide/release"]
    assert '"1.3.0"' in world.repository.text(head, VERSION)
    assert '"1.3.0"' in world.repository.text(head, TOML)
    assert world.repository.text(head, "CITATION.cff") == CITATION.replace("1.2.3", "1.3.0").replace(
        "2026-01-01", "2026-11-23"
    )
    empty = World()
    empty.repository.push({".github/bolide.yaml": "", VERSION: "", TOML: "[project]\nname = 'my.digits'\n"})
    issue = await empty.titled("New minor release")
    assert empty.repository.comments[issue, "answer title"].startswith("No version was found in the usual files")


CITATION = "cff-version: 1.2.0\nversion: 1.2.3  # ours\ndate-released: '2026-01-01'\n"


async def test_a_release_comes_by_the_schedule_where_something_was_merged(world: World) -> None:
    keys = (
        'service: {wsgi: "app:create_app()"}\nrelease: {version_files: [digits/__init__.py], schedule: "0 5 * * 1"}\n'
    )
    sha = await world.pushed({".github/bolide.yaml": keys})
    world.repository.tag_commits["v1.2.3"] = sha
    await world.deliver("bolide.scheduled", purpose="release")
    assert "nothing was merged since the last release" in world.notes
    world.repository.push({"a": "b"})
    await world.deliver("bolide.scheduled", purpose="release")
    number = world.only_release()
    assert world.repository.pulls[number].title == "Release 1.2.4"
    assert "Asked for" not in world.repository.pulls[number].body
    await world.deliver("bolide.scheduled", purpose="release")
    assert f"#{number} is open already" in world.notes
    await world.deliver("bolide.scheduled", purpose="updates")
    await published(world, number)
    world.repository.push({VERSION: "x = 1\n"})
    await world.deliver("bolide.scheduled", purpose="release")
    said = world.repository.checks[world.repository.head, "Bolide release"]
    assert (said.conclusion, said.summary[:40]) == ("failure", "digits/__init__.py has no version in a f")


async def test_a_schedule_that_names_no_moment_is_refused_and_releases_can_be_switched_off(world: World) -> None:
    with pytest.raises(ConfigError, match=r"`release\.schedule` in \.github/bolide\.yaml: .* is no cron line"):
        repoconfig.parse('release: {schedule: "0 5 31 2 *"}').appointments()
    kept = repoconfig.parse('release: {schedule: "0 5 * * 1", schedule_kind: calendar}').appointments()
    assert [(purpose, str(schedule)) for purpose, schedule in kept] == [("release", "0 5 * * 1 (UTC)")]
    world.repository.push({".github/bolide.yaml": "managers: [{name: release, enabled: false}]"})
    issue = await world.titled("New minor release")
    assert world.repository.comments[issue, "answer title"].startswith("Releases are off in this repository's")


# Keeping up


async def test_there_is_one_release_at_a_time_and_who_asked_before_is_told(world: World) -> None:
    first = await world.titled("New minor release")
    number = world.only_pull()
    again = await world.titled("New major release")
    assert world.only_pull() == number
    assert world.repository.pulls[number].title == "Release 2.0.0"
    said = f"#{again} asked for another release: the pull request is **Release 2.0.0** now."
    assert world.repository.comments[first, "release replaced"] == said
    assert world.repository.comments[again, "answer title"].startswith(f"#{number} proposes it as **Release 2.0.0**")
    await published(world, number)
    assert world.repository.open_issues == {first}


async def test_two_people_at_once_get_one_pull_request(world: World) -> None:
    world.forge.outages = 2
    for _ in range(2):
        await world.titled("New minor release")
    await world.wait(7)
    assert [pull.title for pull in world.repository.pulls.values()] == ["Release 1.3.0"]


async def test_the_release_keeps_up_with_the_branch_and_with_edits(world: World) -> None:
    await world.titled("New minor release")
    number = world.only_pull()
    pull = world.repository.pulls[number]
    await world.pushed({"a": "1"})
    assert f"- Go on ({world.repository.head[:7]})" in pull.body
    pull.body = pull.body.replace("- Go on", "- Everything goes on").replace("- The page shows the model.\n", "")
    await edited(world, number)
    head = world.repository.branches["bolide/release"]
    assert "- Everything goes on" in world.repository.text(head, "CHANGELOG.md")
    world.repository.push({"b": "1"}, subject="fix: Round digits")
    await world.pushed({"c": "1"})
    assert "- Everything goes on" in pull.body
    assert "### Fixed\n\n- Round digits" in pull.body
    assert pull.body.count("- Go on") == 1
    assert "The page shows the model" not in pull.body.partition("<!-- bolide:notes -->")[2]
    await published(world, number)
    assert "- Everything goes on" in world.repository.releases["v1.3.0"]
    head = world.repository.head
    assert "- Everything goes on" in world.repository.text(head, "CHANGELOG.md")


async def test_rebase_makes_it_anew_and_what_a_person_takes_over_is_left_alone(world: World) -> None:
    await world.titled("New minor release")
    number = world.only_pull()
    world.repository.push({"a": "1"}, subject="Say more, fixes #3 @everyone")
    await world.commented(number, "/rebase")
    assert world.bot_branches() == {"bolide/release"}  # it is not about updates
    body = world.repository.pulls[number].body
    assert "Say more, fixes #\u200b3 @\u200beveryone" in body
    world.repository.pulls[number].body = "Mine."
    await world.pushed({"b": "1"})
    assert world.repository.pulls[number].body == "Mine."
    assert "a person has taken the release's text over" in world.notes
    sha = await published(world, number)
    assert (world.repository.releases, world.repository.tag_commits) == ({"v1.3.0": "Mine."}, {"v1.3.0": sha})


async def test_a_person_who_commits_to_the_branch_keeps_it_and_is_told(world: World) -> None:
    await world.titled("New minor release")
    number = world.only_pull()
    log = world.repository.text(world.repository.branches["bolide/release"], "CHANGELOG.md")
    theirs = world.repository.push({"CHANGELOG.md": log.replace("the model", "all models")}, branch="bolide/release")
    await world.pushed({"b": "1"})
    assert world.repository.branches["bolide/release"] == theirs
    assert "A person has committed to bolide/release" in world.repository.comments[number, "release"]
    await published(world, number)
    assert "- The page shows all models." in world.repository.releases["v1.3.0"]


async def test_what_is_not_the_open_release_is_left_to_others(world: World) -> None:
    await world.pushed({"a": "1"})
    assert "no release is open" in world.notes
    issue = world.repository.issue()
    await world.commented(issue, "/rebase")
    await world.commented(issue, "/recheck", comment=502)
    assert world.notes.count("not for this manager") >= 2


# Publishing


async def test_pending_checks_are_waited_for_and_said(world: World) -> None:
    issue = await world.titled("New minor release")
    number = world.only_pull()
    head = world.repository.branches["bolide/release"]
    world.repository.judge(head, CheckOutcome("tests", "pending"))
    await published(world, number)
    said = "⏳ 1.3.0 is tagged once these have ended: `tests`. Bolide tries again by itself."
    assert world.repository.comments[number, "release"] == said
    world.now = NOW + timedelta(hours=20)
    await world.wait(3600)
    assert world.notes[-1].startswith("later (300 s): ⏳")
    world.now = NOW + timedelta(hours=25)
    await world.wait(3600)
    assert "`tests` did not end within a day" in world.repository.comments[number, "release"]
    assert world.repository.comments[issue, "release"].endswith(f"(#{number})")
    world.repository.judge(head, CheckOutcome("tests", "passed"))
    assert world.repository.tag_commits == {}
    await world.commented(number, "/recheck")
    assert set(world.repository.releases) == {"v1.3.0"}
    assert world.repository.open_issues == set()


@pytest.mark.parametrize("where", ["the merge commit", "the pull request"])
async def test_a_release_whose_checks_failed_is_never_tagged(world: World, where: str) -> None:
    await world.titled("New minor release")
    number = world.only_pull()
    head = world.repository.branches["bolide/release"]
    sha = world.repository.merge(number)
    judged = sha if where == "the merge commit" else head
    world.repository.judge(judged, CheckOutcome("tests @ada", "failed"))
    await world.tell_of_merge(number, "bolide/release", sha)
    await world.wait(5)
    assert (
        f"🛑 1.3.0 is not released: `tests @\u200bada` failed on {where}."
        in world.repository.comments[number, "release"]
    )
    assert (world.repository.tag_commits, world.repository.releases) == ({}, {})
    await world.commented(number, "/recheck")
    assert world.repository.tag_commits == {}
    world.repository.judge(judged, CheckOutcome("tests @ada", "passed"))
    await world.commented(number, "/recheck", comment=502)
    assert world.repository.tag_commits == {"v1.3.0": sha}


async def test_a_repository_without_stages_does_not_wait_for_any(world: World) -> None:
    world.repository.push({".github/bolide.yaml": f"release: {{version_files: [{VERSION}]}}"})
    await world.titled("New minor release")
    await world.merged(world.only_pull())
    assert set(world.repository.releases) == {"v1.3.0"}


async def test_a_tag_that_is_elsewhere_stops_the_release_and_is_said_on_its_pull_request(world: World) -> None:
    issue = await world.titled("New minor release")
    number = world.only_pull()
    world.repository.tag_commits["v1.3.0"] = world.repository.head
    await published(world, number)
    assert "v1.3.0 is on" in world.repository.comments[number, "release"]
    assert world.repository.open_issues == {issue}
    assert world.repository.releases == {}


async def test_a_forks_branch_with_the_name_of_a_release_releases_nothing(world: World) -> None:
    world.repository.push({"a": "b"}, branch="bolide/release")
    world.repository.open_pull("bolide/release", "Nice", "body")
    await world.merged(1, fork=True)
    assert world.repository.tag_commits == {}
    assert "not for this manager" in world.notes


async def test_a_closed_release_is_none(world: World) -> None:
    await world.titled("New minor release")
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    await world.tell_of_merge(number, "bolide/release", world.repository.head)
    assert world.repository.tag_commits == {}


async def test_the_release_carries_card_bill_of_materials_and_evidence(world: World) -> None:
    world.runner.files = {"model-card.json": '{"model_id": "tf-1"}'}
    world.repository.tag_commits["v1.2.3"] = world.repository.head
    await world.install()
    await world.merged(world.only_pull())
    world.repository.push({"docs/a": "b"}, subject="docs: Say how", author="grace")
    await world.titled("New minor release")
    number = world.only_pull()
    notes = world.repository.pulls[number].body.partition("<!-- bolide:notes -->")[2]
    assert "2 packages moved in 1 update." in notes
    assert "| `flask` | 2.2.5 | 3.1.0 |" in notes
    assert "### Other changes\n\n- Say how" in notes
    assert "### Contributors\n\nada, grace" in notes or "### Contributors\n\ngrace" in notes
    assert "[2 commits since v1.2.3](https://github.example/ada/digits/compare/v1.2.3...v1.3.0)" in notes
    await published(world, number)
    assets = world.repository.assets["v1.3.0"]
    assert set(assets) == {"model-card.json", "sbom.cdx.json", "evidence.md"}
    bill = json.loads(assets["sbom.cdx.json"])
    assert [part["purl"] for part in bill["components"]] == ["pkg:pypi/flask@3.1.0", "pkg:pypi/werkzeug@3.1.0"]
    assert "## Update 1 direct and 1 transitive" in assets["evidence.md"]
    assert "Safe to merge" in assets["evidence.md"]


async def test_a_lock_that_cannot_be_compared_says_nothing_of_dependencies(world: World) -> None:
    world.repository.tag_commits["v1.2.3"] = world.repository.head
    for files in (
        {"Pipfile.lock": "{"},
        {"Pipfile.lock": lock(flask="9"), "Pipfile": "[packages\n"},
        {"Pipfile.lock": ""},
    ):
        await world.pushed(files)
        await world.titled("New minor release")
        body = world.repository.pulls[world.only_pull()].body
        assert "Dependencies" not in body.partition("<!-- bolide:notes -->")[2]
    await published(world, world.only_pull())
    assert set(world.repository.assets["v1.3.0"]) == set()


# Taking back


async def test_a_release_is_cancelled_with_its_issue(world: World) -> None:
    issue = await world.titled("New minor release")
    number = world.only_pull()
    await world.commented(number, "/release cancel")
    said = f"The release of #{number} is cancelled; nothing was tagged."
    assert world.repository.comments[number, "answer 501"] == said
    assert world.repository.comments[issue, "release cancelled"] == said
    assert world.repository.pulls[number].state == "closed"
    assert (world.repository.open_issues, world.bot_branches()) == (set(), set())
    await world.commented(number, "/release cancel", comment=502)
    assert world.repository.comments[number, "answer 502"] == "No release is open, so there is nothing to cancel."
    await world.commented(number, "/release minor", comment=503)
    assert world.repository.pulls[world.only_pull()].title == "Release 1.3.0"
    await world.commented(number, "/release cancel", comment=504)
    assert world.bot_branches() == set()


async def test_a_published_release_is_yanked_and_the_issue_asks_for_another(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/yank 1.3.0", comment=1)
    assert world.repository.comments[issue, "answer 1"].startswith("There is no GitHub Release of 1.3.0 to yank;")
    await world.titled("New minor release")
    await published(world, world.only_pull())
    for comment in (2, 3):
        await world.commented(issue, "/yank v1.3 the 7 is read as 1, see @ada", comment=comment)
    notes = world.repository.releases["v1.3.0"]
    assert notes.startswith("> [!CAUTION]\n> 1.3 was yanked: do not use it. Why: the 7 is read as 1, see @\u200bada.")
    ((number, title, body),) = world.repository.own_issues.values()
    assert title == "Replace the yanked release 1.3"
    assert f"was yanked on request in #{issue}" in body
    assert world.repository.comments[issue, "answer 2"].startswith(f"1.3 is marked as yanked; #{number} asks for")
    assert world.repository.writes.count("yank v1.3.0") == 1


# A crash after every step


async def test_each_step_of_a_release_happens_once_though_the_bot_dies_in_between() -> None:
    killed = 0
    for calls in range(1, 30):
        world = World()
        issue = await world.titled("New minor release")
        number = world.only_pull()
        sha = await world.merged(number)
        before = len(world.repository.writes)
        world.forge.dies_after = calls
        try:
            await world.wait(5)
        except Killed:
            killed += 1
        world.forge.dies_after = None
        await world.wait(100)
        assert world.repository.tag_commits == {"v1.3.0": sha}
        assert (world.repository.open_issues, world.bot_branches()) == (set(), set())
        assert world.repository.writes[before:] == [
            "release v1.3.0",
            "delete bolide/release",
            f"comment on #{number}: release",
            f"comment on #{issue}: released 1.3.0",
            f"close #{issue}",
        ]
    assert killed > 10


async def test_each_step_of_a_proposal_happens_once_though_the_bot_dies_in_between() -> None:
    killed = 0
    for calls in range(1, 20):
        world = World()
        world.forge.dies_after = calls
        try:
            await world.titled("New minor release")
        except Killed:
            killed += 1
        world.forge.dies_after = None
        await world.wait(100)
        assert [pull.title for pull in world.repository.pulls.values()] == ["Release 1.3.0"]
        assert world.repository.writes == [
            "commit bolide/release",
            "open #2",
            "comment on #1: answer title",
        ]
    assert killed > 5
