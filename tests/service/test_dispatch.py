"""Stories: what people do on GitHub, and what they find there afterwards."""

import hashlib
import json

import pytest

from bot.core.errors import Refused
from bot.core.events import ChangeProposed, RepositoryAdded
from bot.core.packages import HeldBack
from bot.core.plan import React
from bot.core.ports import Delivery, Job, Unreadable
from bot.core.stages import Failed, Held, NotServed, RunResult, Stopped, Superseded, Unchanged, Verified
from bot.core.texts import update
from tests.managers.memory_forge import LOGIN
from tests.managers.world import CONFIG, FILES, NOW, ROB, SERVICE, STRANGER, World, lock

NOTHING = (
    "There is no Pipfile, no uv.lock and no requirements.in with its requirements.txt at the top of the repository "
    "or in a folder of overlays/."
)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_lock_that_was_made_for_another_pipfile_is_said_so() -> None:
    world = World()
    await world.install()
    assert "was made for another" not in world.repository.pulls[world.only_pull()].body
    await world.pushed({"Pipfile": FILES["Pipfile"].replace('flask = "*"', 'flask = ">=2"')})
    body = world.repository.pulls[world.only_pull()].body
    assert "- Today's Pipfile.lock was made for another Pipfile; `pipenv verify` fails with it." in body


async def test_an_installation_gives_an_update_whose_title_and_body_are_true(world: World) -> None:
    world.packages.held_back = (HeldBack("flask", "3.1.0", "3.2.0", "it was released on 2026-11-20"),)
    base = world.repository.head
    await world.install()
    pull = world.repository.pulls[world.only_pull()]
    assert pull.title == "Update 1 direct and 1 transitive dependencies (packages)"
    assert "| `werkzeug` | 2.2.3 | 3.1.0 | major | required by flask | packages | pypi | 2026-09-30 |" in pull.body
    assert "| `flask` | 3.1.0 | 3.2.0 | it was released on 2026-11-20 |" in pull.body
    assert "| `flask` **direct** | 2.2.5 | 3.1.0 | major | newest release that fits; see Held back |" in pull.body
    proposed = world.repository.text(world.repository.branches[update.BRANCH], "Pipfile.lock")
    assert json.loads(proposed)["default"]["flask"]["version"] == "==3.1.0"
    digest = hashlib.sha256(proposed.encode()).hexdigest()
    assert update.parse(pull.body) == update.Proposal(base, digest)
    assert f"as of {NOW.isoformat(timespec='seconds')}" in pull.body


async def test_evidence_follows_the_proposal_and_stands_in_body_and_check(world: World) -> None:
    await world.install()
    pull = world.repository.pulls[world.only_pull()]
    check = world.repository.checks[world.repository.branches[update.BRANCH], "Bolide evidence"]
    assert world.laboratory.examined == [
        (FILES["Pipfile.lock"], world.repository.text(check.sha, "Pipfile.lock")),
    ]
    assert (check.conclusion, check.title) == ("success", "Boots and predicts")
    assert "✅ **Safe to merge**" in pull.body
    assert update.WAITING not in pull.body
    assert update.MEASURING not in pull.body
    assert "p99 of one prediction | 3.40 ms | 3.40 ms" in pull.body


async def test_a_lock_that_breaks_the_service_is_called_not_safe_and_the_import_is_named(world: World) -> None:
    world.laboratory.broken = {("flask", "3.1.0"): "prometheus_flask_exporter"}
    await world.pushed({".github/bolide.yaml": f"{CONFIG}updates: {{bisect: false}}\n"})
    pull = world.repository.pulls[world.only_pull()]
    check = world.repository.checks[world.repository.branches[update.BRANCH], "Bolide evidence"]
    assert check.conclusion == "failure"
    for text in (pull.body, check.summary):
        assert "🛑 **Not safe**: The proposed lock does not work: The import of prometheus\\_flask\\_exporter" in text
        assert "Today's lock works." in text
        assert "@flask" not in text, "what a package says calls nobody"
    assert "fixes #1" in pull.body.split("```text")[-1], "the log stands in a code block"
    again = update.parse(pull.body)
    assert again is not None, "a mark in the log ends no section"


async def test_the_same_update_is_not_proposed_twice(world: World) -> None:
    await world.install()
    number, head = world.only_pull(), world.repository.branches[update.BRANCH]
    before, writes = world.repository.pulls[number].body, list(world.repository.writes)
    await world.install()
    assert world.repository.writes == writes
    assert len(world.laboratory.examined) == 1
    issue = await world.titled("Kebechet update")
    assert world.repository.branches[update.BRANCH] == head
    assert world.repository.pulls[number].body == before
    said = f"#{number} proposes this lock already. Its evidence is gathered anew."
    assert world.repository.comments[issue, "answer title"] == said
    assert not any(write.startswith(("commit", "open")) for write in world.repository.writes[len(writes) :])
    assert len(world.laboratory.examined) == 2
    assert world.repository.checks[head, "Bolide evidence"].conclusion == "success"


async def test_a_moved_base_renews_the_proposal_and_its_evidence(world: World) -> None:
    await world.install()
    number = world.only_pull()
    sha = await world.pushed({"README.md": "more\n"})
    assert world.only_pull() == number
    assert world.repository.commits[world.repository.branches[update.BRANCH]].parent == sha
    assert len(world.laboratory.examined) == 2
    assert "✅ **Safe to merge**" in world.repository.pulls[number].body


async def test_a_person_who_pushed_to_the_branch_keeps_it_and_is_told_once(world: World) -> None:
    await world.install()
    number = world.only_pull()
    mine = world.repository.push({"app.py": "fixed\n"}, author="ada", branch=update.BRANCH)
    await world.pushed({"README.md": "more\n"})
    await world.pushed({"README.md": "even more\n"})
    assert world.repository.branches[update.BRANCH] == mine
    assert world.repository.comments == {(number, "handed over"): update.handed_over(update.BRANCH)}
    assert [write for write in world.repository.writes if "comment" in write] == [f"comment on #{number}: handed over"]
    await world.commented(number, "/update")
    assert world.repository.comments[number, "answer 501"] == update.handed_over(update.BRANCH)


async def test_a_persons_branch_without_pull_request_is_left_alone_without_a_word(world: World) -> None:
    mine = world.repository.push({"app.py": "mine\n"}, author="ada", branch=update.BRANCH)
    await world.install()
    assert world.repository.branches[update.BRANCH] == mine
    assert (world.repository.pulls, world.repository.comments) == ({}, {})


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"Pipfile": "[packages\nflask = '*'\n"}, "The Pipfile is not TOML"),
        ({"Pipfile": "[packages]\nflask = '>=9'\n"}, "no version of flask fits"),
        ({"Pipfile.lock": "{"}, "Pipfile.lock is not JSON"),
        ({"Pipfile.lock": "{\n<<<<<<< HEAD\n"}, "Pipfile.lock has a merge conflict marker on line 2"),
        ({".github/bolide.yaml": "pyton: 3"}, "`pyton` is not a key; did you mean `python`?"),
    ],
)
async def test_what_cannot_be_read_fails_a_check_and_nothing_is_half_done(
    world: World, files: dict[str, str], sentence: str
) -> None:
    sha = world.repository.push(files)
    issue = await world.titled(" kebechet UPDATE ")
    check = world.repository.checks[sha, "Bolide update"]
    assert check.conclusion == "failure"
    assert sentence in check.summary.replace("\u200b", "")
    assert sentence in world.repository.comments[issue, "answer title"]
    assert world.repository.writes == [f"comment on #{issue}: answer title"]
    assert world.bot_branches() == set()


async def test_a_lock_that_is_a_link_is_named(world: World) -> None:
    sha = world.repository.push({"Pipfile.lock": Unreadable("it is a symbolic link")})
    await world.deliver("push", ref="refs/heads/main", after=sha)
    assert "Pipfile.lock cannot be read: it is a symbolic link." in world.notes


async def test_a_lock_with_the_newest_versions_that_is_not_whole_is_refreshed(world: World) -> None:
    broken = json.loads(lock(flask="3.1.0", werkzeug="3.1.0"))
    broken["default"]["flask"]["markers"] = "python_version < '3'"
    sha = world.repository.push({"Pipfile.lock": json.dumps(broken)})
    await world.deliver("push", ref="refs/heads/main", after=sha)
    assert world.repository.pulls[world.only_pull()].title == "Refresh Pipfile.lock"
    proposed = world.repository.text(world.repository.branches[update.BRANCH], "Pipfile.lock")
    assert "markers" not in proposed


@pytest.mark.parametrize(
    ("prepare", "note"),
    [
        (lambda there: there.push({"Pipfile": ""}), NOTHING),
        (lambda there: setattr(there, "archived", True), "The repository is archived."),
        (
            lambda there: there.push({"Pipfile.lock": lock(flask="3.1.0", werkzeug="3.1.0")}),
            "Every dependency is at the newest version that fits.",
        ),
    ],
)
async def test_nothing_to_do_is_an_answer_too(world: World, prepare: object, note: str) -> None:
    assert callable(prepare)
    prepare(world.repository)
    issue = await world.titled("Kebechet update")
    assert world.repository.comments == {(issue, "answer title"): note}
    assert world.notes == [note]


async def test_a_repository_without_lock_gets_its_first(world: World) -> None:
    world.repository.push({"Pipfile.lock": ""})
    await world.install()
    pull = world.repository.pulls[world.only_pull()]
    assert pull.title == "Lock 1 direct and 1 transitive dependencies (packages)"
    assert world.laboratory.examined[0][0] == ""


async def test_a_lock_of_another_pipfile_is_refreshed_without_a_version(world: World) -> None:
    stale = lock(flask="3.1.0", werkzeug="3.1.0").replace('"sha256": "', '"sha256": "0')
    world.repository.push({"Pipfile.lock": stale})
    await world.install()
    pull = world.repository.pulls[world.only_pull()]
    assert pull.title == "Refresh Pipfile.lock"
    assert "No version: only hashes" in pull.body


async def test_downgrades_and_removals_say_why(world: World) -> None:
    world.repository.push({"Pipfile.lock": lock(flask="9.0", werkzeug="3.1.0", click="8.0")})
    await world.install()
    body = world.repository.pulls[world.only_pull()].body
    assert "| `flask` **direct** | 9.0 | 3.1.0 | downgraded | the version in the lock does not fit" in body
    assert "| `click` | 8.0 | – | removed | nothing requires it any more | packages | pypi | – |" in body


async def test_a_package_is_dated_by_the_index_that_the_pipfile_names_for_it(world: World) -> None:
    own = "https://packages.example/simple"
    world.packages.homes = {"flask": own}
    source = f'\n[[source]]\nname = "own"\nurl = "{own}"\nverify_ssl = true\n'
    world.repository.push({"Pipfile": FILES["Pipfile"].replace('"*"', '{version = "*", index = "own"}') + source})
    await world.install()
    assert ("flask", own) in world.packages.asked
    assert "| 2026-10-01 |" in world.repository.pulls[world.only_pull()].body


async def test_a_package_that_the_first_index_lacks_has_no_date(world: World) -> None:
    world.packages.homes = {"werkzeug": "https://elsewhere.example/simple"}
    await world.install()
    assert (
        "| `werkzeug` | 2.2.3 | 3.1.0 | major | required by flask | packages | pypi | unknown |"
        in world.repository.pulls[world.only_pull()].body
    )


async def test_closing_declines_a_lock_until_somebody_asks_for_it(world: World) -> None:
    await world.install()
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    await world.pushed({"README.md": "more\n"})
    assert "waits for the comment /update, as its pull request was closed" in " ".join(world.notes)
    assert [pull.state for pull in world.repository.pulls.values()] == ["closed"]
    await world.titled("Kebechet update")
    assert world.only_pull() != number
    assert len(world.laboratory.examined) == 2
    assert "✅ **Safe to merge**" in world.repository.pulls[world.only_pull()].body


async def test_whoever_waits_for_a_job_that_was_given_up_is_told(world: World) -> None:
    issue = await world.titled("Kebechet update")
    number = world.only_pull()
    for letter in list(world.inbox.letters):
        jobs, _ = world.dispatch.route(letter.delivery)
        for name in jobs:
            await world.dispatch.gave_up(Job(letter.delivery, name, 5, 1))
    assert "did not expect" in world.repository.comments[issue, "answer title"]
    assert "did not expect" in world.repository.comments[number, "not examined"]
    unknown = Delivery("x", "star", b"{}")
    await world.dispatch.gave_up(Job(unknown, "0/update", 5, 1))


async def test_a_late_push_does_not_bring_an_old_commit_back(world: World) -> None:
    old = world.repository.head
    new = await world.pushed({"README.md": "more\n"})
    await world.deliver("push", ref="refs/heads/main", after=old, deleted=False)
    assert world.runner.begun == [new]
    assert world.repository.statuses[new, "bolide"][0] == "success"
    assert new[:8] in world.repository.statuses[old, "bolide"][1]


async def test_a_tree_that_cannot_be_run_is_said_on_commit_and_pull_request(world: World) -> None:
    def refuse(sha: str) -> RunResult:
        raise Refused("The tree of the repository cannot be unpacked: it is too large.")

    world.runner.result = refuse
    await world.install()
    merged = await world.merged(world.only_pull())
    assert world.repository.statuses[merged, "bolide"][0] == "failure"
    assert "cannot be unpacked" in world.repository.statuses[merged, "bolide"][1]
    assert any("cannot be unpacked" in said for said in world.repository.comments.values())


async def test_an_index_that_is_down_is_said_on_the_commit_that_was_pushed(world: World) -> None:
    world.packages.down = True
    sha = await world.pushed({"README.md": "more\n"})
    check = world.repository.checks[sha, "Bolide update"]
    assert (check.conclusion, check.title) == ("neutral", "Waiting")
    assert "did not answer for flask" in check.summary
    world.packages.down, world.seconds = False, world.seconds + 301
    await world.settle()
    assert world.only_pull()


async def test_an_index_that_is_down_is_waited_for_and_said_once(world: World) -> None:
    world.packages.down = True
    issue = await world.titled("Kebechet update")
    said = world.repository.comments[issue, "answer title"]
    assert said == "The index https://pypi.org/simple did not answer for flask. Bolide tries again by itself."
    assert world.notes == ["later (300 s): The index https://pypi.org/simple did not answer for flask."]
    world.seconds += 299
    await world.settle()
    assert len(world.notes) == 1
    world.seconds += 2
    await world.settle()
    assert world.repository.writes == [f"comment on #{issue}: answer title"]
    world.packages.down, world.seconds = False, world.seconds + 301
    await world.settle()
    number = world.only_pull()
    assert world.repository.comments[issue, "answer title"] == f"#{number} is open; its evidence follows there."


async def test_github_that_is_away_is_waited_for_as_long_as_it_says(world: World) -> None:
    world.forge.outages = 1
    await world.install()
    assert "later (7 s): GitHub answered 502." in world.notes
    world.seconds += 7
    await world.settle()
    assert world.only_pull()


async def test_a_branch_that_moves_is_read_again_at_most_three_times(world: World) -> None:
    await world.install()
    ours = world.repository.branches[update.BRANCH]

    def meddle() -> None:
        world.repository.push({"x": str(len(world.repository.commits))}, author=LOGIN, branch=update.BRANCH)

    world.repository.push({"README.md": "base moved\n"})
    world.forge.before_propose = [meddle, meddle]
    issue = await world.titled("Kebechet update")
    assert world.repository.comments[issue, "answer title"].startswith("#1 is open")
    world.repository.push({"README.md": "and again\n"})
    world.forge.before_propose = [meddle, meddle, meddle]
    await world.commented(issue, "/update", comment=502)
    assert world.notes[-1].startswith("later (60 s): ada/digits moved 3 times")
    assert "moved 3 times" in world.repository.comments[issue, "answer 502"]
    assert world.repository.branches[update.BRANCH] != ours


async def test_a_proposal_that_was_overtaken_gets_no_evidence(world: World) -> None:
    await world.install()
    number = world.only_pull()
    event = json.loads(world.inbox.letters[-1].delivery.body)
    world.repository.push({"app.py": "mine\n"}, author="ada", branch=update.BRANCH)
    await world.inbox.put(Delivery("again", "bolide.change_proposed", json.dumps({**event, "n": 1}).encode()))
    await world.settle()
    assert world.notes[-1] == "the proposal was overtaken by another commit, or is closed"
    assert len(world.laboratory.examined) == 1
    assert number == world.only_pull()


async def test_a_proposal_that_is_overtaken_meanwhile_keeps_its_text(world: World) -> None:
    def push() -> None:
        world.repository.push({"app.py": "mine\n"}, author="ada", branch=update.BRANCH)

    world.laboratory.meanwhile = push
    await world.install()
    assert "the proposal was overtaken while it was examined" in world.notes
    assert update.WAITING in world.repository.pulls[world.only_pull()].body


async def test_evidence_that_cannot_be_gathered_says_so_in_the_text(world: World) -> None:
    await world.install()
    number = world.only_pull()
    bad = world.repository.push({".github/bolide.yaml": "service: {}"})
    head = world.repository.branches[update.BRANCH]
    event = json.loads(world.inbox.letters[-1].delivery.body) | {"base_sha": bad, "head_sha": head}
    await world.inbox.put(Delivery("again", "bolide.change_proposed", json.dumps(event).encode()))
    await world.settle()
    assert "❔ **Not checked**: .github/bolide.yaml line 1" in world.repository.pulls[number].body
    assert world.repository.checks[head, "Bolide evidence"].conclusion == "neutral"


async def test_a_person_who_rewrote_the_text_finds_the_evidence_on_top(world: World) -> None:
    await world.install()
    number, head = world.only_pull(), world.repository.branches[update.BRANCH]
    world.repository.pulls[number].body = "My own words."
    event = json.loads(world.inbox.letters[-1].delivery.body) | {"again": 1}
    await world.inbox.put(Delivery("again", "bolide.change_proposed", json.dumps(event).encode()))
    await world.settle()
    body = world.repository.pulls[number].body
    assert body.startswith("✅ **Safe to merge**")
    assert body.endswith("My own words.")
    assert world.repository.checks[head, "Bolide evidence"].conclusion == "success"


# Commands and who may give them


@pytest.mark.parametrize("sender", [ROB, STRANGER])
async def test_who_may_not_write_gets_one_polite_answer(world: World, sender: tuple[str, int]) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/release minor", sender, 601)
    await world.commented(issue, "/update", sender, 602)
    assert list(world.repository.comments) == [(issue, "refused")]
    said = world.repository.comments[issue, "refused"]
    assert "write access" in said
    assert "@" not in said
    assert world.repository.writes == [f"comment on #{issue}: refused"]
    assert world.repository.reactions == []


async def test_who_may_write_gets_a_reaction_and_an_answer(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/help")
    await world.commented(issue, "/updat", comment=502)
    assert world.repository.reactions == [React(issue, 501, "eyes"), React(issue, 502, "eyes")]
    assert (
        "`/release calendar|major|minor|patch|pre|build|finalize|X.Y.Z|cancel`"
        in world.repository.comments[issue, "answer 501"]
    )
    assert world.repository.comments[issue, "answer 502"].startswith("`/updat` is not a command here")


async def test_a_right_that_was_revoked_before_the_work_counts_no_more(world: World) -> None:
    world.forge.outages = 1
    issue = await world.titled("New minor release")
    world.repository.permissions.clear()
    world.seconds += 7
    await world.settle()
    assert list(world.repository.comments) == [(issue, "refused")]
    assert world.bot_branches() == set()


@pytest.mark.parametrize(
    "text",
    [
        "> /update",
        "```\n/update\n```",
        "<!--\n/update\n-->",
        "please\n/update",
        "    /update",
        "/up\u200bdate",
        "/update\u202e",
        "\u2066/update",
        "/lgtm",
    ],
)
async def test_what_is_no_plain_command_does_nothing(world: World, text: str) -> None:
    issue = world.repository.issue()
    await world.commented(issue, text)
    assert (world.notes, world.repository.writes, world.repository.reactions) == ([], [], [])


async def test_nobody_listens_to_the_rest(world: World) -> None:
    def letter(kind: str, body: object) -> Delivery:
        return Delivery("1", kind, json.dumps(body).encode())

    assert world.dispatch.route(letter("star", {})) == ({}, "no manager listens to star")
    empty = {"sender": {"login": "ada"}, "action": "created", "installation": {"id": 1}, "repositories": []}
    assert world.dispatch.route(letter("installation", empty)) == ({}, "no manager listens")


async def test_a_job_whose_delivery_cannot_be_read_any_more_is_refused(world: World) -> None:
    await world.inbox.put(Delivery("1", "push", b"[]"))
    assert await world.inbox.lease_delivery(60)
    await world.inbox.route("1", {"0/update": "7/update"}, "")
    await world.settle()
    assert world.notes == ["refused: the body is not an object"]


# Redeployments


def in_a_cluster(sha: str) -> RunResult:
    return Verified(sha, "tf-1", 31.4, 10, "https://digits.example")


def stopped(sha: str) -> RunResult:
    failed = Failed("the gate says no to @ada, fixes #1", "Traceback\n```\nfixes #2", "git checkout x && python -m y")
    return Stopped(sha, "deploy", failed)


@pytest.mark.parametrize(
    ("result", "states", "status", "comment"),
    [
        (None, ["in_progress", "success"], "success", "🚀 **Deployed and verified.**"),
        (in_a_cluster, ["in_progress", "success"], "success", "🚀 **Deployed and verified.**"),
        (stopped, ["in_progress", "failure"], "failure", "🛑 **Not deployed; what served before serves on.**"),
        (lambda sha: Unchanged(sha, "b" * 40, "Already."), None, "success", "**Nothing to deploy.** Already."),
        (lambda sha: NotServed(sha, "No service."), None, "success", "**Nothing to deploy.** No service."),
        (lambda sha: Superseded(sha, "c" * 40), None, "success", "⏭️ **Left to a newer commit.**"),
        (lambda sha: Held(sha, "then"), None, "failure", "⏸️ **Not deployed.** Automatic deployments wait since then"),
    ],
)
async def test_a_merge_is_followed_to_its_end_and_told_once(
    world: World, result: object, states: list[str] | None, status: str, comment: str
) -> None:
    if result is not None:
        assert callable(result)
        world.runner.result = result
    if states is None:
        world.runner.course = lambda sha: []
    world.repository.push({"a": "b"}, branch="topic")
    world.repository.open_pull("topic", "Nice", "body")
    sha = await world.merged(1)
    await world.tell_of_merge(1, "topic", sha)
    assert [state for _, state, _ in world.repository.deployment_states] == (states or [])
    assert world.repository.deployments == ([(sha, "production")] if states else [])
    assert world.repository.statuses[sha, "bolide"][0] == status
    said = world.repository.comments[1, "deployment"]
    assert said.startswith(comment)
    assert "@ada" not in said
    assert world.repository.writes.count("comment on #1: deployment") == 1
    assert world.runner.begun == [sha]
    if status == "success" and states:
        assert world.repository.statuses[sha, "bolide/train"] == ("success", "done in 1.5 s")
        assert f"The service: {'https://digits.example' if result is in_a_cluster else SERVICE}" in said
    if result is stopped:
        assert "Traceback" in said
        assert "git checkout x && python -m y" in said


async def test_a_deployment_is_ended_although_the_bot_died_before_it_said_so(world: World) -> None:
    sha = world.repository.push({"a": "b"})
    world.runner.ended[sha] = world.runner.result(sha)
    await world.deliver("push", ref="refs/heads/main", after=sha)
    assert [state for _, state, _ in world.repository.deployment_states] == ["success"]


async def test_an_installed_repository_without_configuration_is_not_deployed(world: World) -> None:
    world.repository.push({".github/bolide.yaml": ""})
    await world.install()
    assert world.runner.begun == []
    assert any("nothing is deployed" in note for note in world.notes)


async def test_the_dry_run_says_what_would_be_done_and_writes_nothing(world: World) -> None:
    plan = await world.dispatch.plan(RepositoryAdded(world.repository.value), "update")
    assert plan is not None
    assert plan.reason.startswith("Update 1 direct")
    assert world.repository.writes == []


async def test_a_refusal_of_github_is_told_where_somebody_waits_and_else_noted(world: World) -> None:
    world.forge.refusals["snapshot"] = "The App lacks the permission `contents: read`."
    await world.deliver("push", ref="refs/heads/main", after=world.repository.head)
    assert "refused: The App lacks the permission `contents: read`." in world.notes
    issue = await world.titled("Kebechet update")
    assert world.repository.comments == {
        (issue, "answer title"): "The App lacks the permission `contents: read`.",
    }
    world.forge.refusals["comment"] = "The issue is locked."
    await world.titled("Kebechet update")
    assert world.notes[-1] == "refused: The App lacks the permission `contents: read`."


async def test_what_a_manager_was_not_asked_is_not_for_it(world: World) -> None:
    asked = ChangeProposed(world.repository.value, 1, "a", "b", "Pipfile.lock")
    assert await world.dispatch.plan(asked, "redeploy") is None
    for name in ("evidence", "release", "publish", "yank", "answer"):
        assert await world.dispatch.plan(RepositoryAdded(world.repository.value), name) is None
