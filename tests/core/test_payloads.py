"""What is read from deliveries, and that none is too strange to be ignored in peace."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import inside, payloads
from bot.core.commands import Help, ReleaseNow
from bot.core.events import (
    CHANGE_PROPOSED,
    Actor,
    ChangeProposed,
    CommandGiven,
    Event,
    Ignored,
    PullRequestChanged,
    PullRequestClosed,
    PullRequestEdited,
    PullRequestMerged,
    Pushed,
    Repository,
    RepositoryAdded,
    RepositoryRemoved,
)

OWN = "bolide[bot]"
SHA = "a" * 40
HERE = Repository(7, "ada/digits", 3)
ADA = Actor(1, "ada")
BASE: dict[str, Any] = {
    "sender": {"login": "ada", "id": 1, "type": "User"},
    "installation": {"id": 3},
    "repository": {"id": 7, "full_name": "ada/digits", "default_branch": "main"},
}
PULL = {
    "number": 5,
    "merged": True,
    "merge_commit_sha": SHA,
    "head": {"ref": "topic", "repo": {"id": 7}},
    "base": {"ref": "main"},
}
OTHERS = [{"id": 8, "full_name": "ada/letters"}, {"id": 9, "full_name": "ada/words"}]


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("push", {"ref": "refs/heads/main", "after": SHA}, (Pushed(HERE, "main", SHA),)),
        (
            "push",
            {"ref": "refs/heads/main", "after": SHA, "forced": False, "commits": [{"added": "not a list"}]},
            (Pushed(HERE, "main", SHA),),
        ),
        (
            "installation",
            {"action": "created", "repositories": OTHERS},
            (RepositoryAdded(Repository(8, "ada/letters", 3)), RepositoryAdded(Repository(9, "ada/words", 3))),
        ),
        (
            "installation_repositories",
            {"action": "added", "repositories_added": OTHERS[:1]},
            (RepositoryAdded(Repository(8, "ada/letters", 3)),),
        ),
        (
            "installation",
            {"action": "deleted", "repositories": [{"id": 8, "full_name": "ada/letters"}]},
            (RepositoryRemoved(Repository(8, "ada/letters", 3)),),
        ),
        (
            "installation_repositories",
            {"action": "removed", "repositories_removed": [{"id": 9, "full_name": "ada/words"}]},
            (RepositoryRemoved(Repository(9, "ada/words", 3)),),
        ),
        (
            "pull_request",
            {"action": "closed", "pull_request": PULL},
            (PullRequestMerged(HERE, 5, "topic", "main", SHA),),
        ),
        (
            "pull_request",
            {"action": "closed", "pull_request": {**PULL, "labels": [{"name": "minor-release"}, {"name": 1}, None]}},
            (PullRequestMerged(HERE, 5, "topic", "main", SHA, ("minor-release",)),),
        ),
        (
            "pull_request",
            {"action": "edited", "pull_request": {**PULL, "state": "open"}},
            (PullRequestEdited(HERE, 5, "topic"),),
        ),
        (
            "pull_request",
            {"action": "closed", "pull_request": {**PULL, "head": {"ref": "bolide/release-1.0.0", "repo": None}}},
            (PullRequestMerged(HERE, 5, "", "main", SHA),),
        ),
        ("pull_request", {"action": "opened", "pull_request": PULL}, (PullRequestChanged(HERE, 5),)),
        (
            "issues",
            {"action": "opened", "issue": {"number": 4, "title": "New minor release"}},
            (CommandGiven(HERE, 4, None, ADA, ReleaseNow("minor")),),
        ),
        (
            "issue_comment",
            {"action": "created", "issue": {"number": 4}, "comment": {"id": 11, "body": "/help"}},
            (CommandGiven(HERE, 4, 11, ADA, Help()),),
        ),
        (
            "issue_comment",
            {"action": "edited", "changes": {"body": {"from": "/hlep"}}, "issue": {"number": 4}}
            | {"comment": {"id": 11, "body": "/help"}},
            (CommandGiven(HERE, 4, 11, ADA, Help()),),
        ),
        (
            "issues",
            {"action": "edited", "changes": {"title": {"from": "Hello"}}}
            | {"issue": {"number": 4, "title": "New minor release"}}
            | {"sender": {"login": "dep[bot]", "id": 2, "type": "Bot"}},
            (CommandGiven(HERE, 4, None, Actor(2, "dep[bot]", bot=True), ReleaseNow("minor")),),
        ),
    ],
)
def test_what_managers_listen_to(kind: str, body: dict[str, Any], found: tuple[Event, ...]) -> None:
    assert payloads.parse(kind, BASE | body, OWN) == found


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("star", BASE, "no manager listens to star"),
        ("push", None, "the body is not an object"),
        ("push", [BASE], "the body is not an object"),
        ("push", {}, "unhandled push: sender.login is not text"),
        ("push", BASE | {"sender": {"login": OWN}}, "sent by Bolide itself"),
        ("push", BASE | {"ref": "refs/heads/topic", "after": SHA}, "not the default branch"),
        ("push", BASE | {"ref": "refs/tags/main", "after": SHA}, "not the default branch"),
        ("push", BASE | {"ref": "refs/heads/main", "after": SHA, "deleted": True}, "the branch was deleted"),
        ("push", BASE | {"ref": "refs/heads/main", "after": None}, "unhandled push: after is not text"),
        ("push", BASE | {"ref": ["refs/heads/main"]}, "unhandled push: ref is not text"),
        ("installation", BASE | {"action": ["created"]}, "unhandled installation: action is not text"),
        ("installation", BASE | {"action": "suspend"}, "no repository comes or goes"),
        ("installation", BASE | {"action": "created"}, "unhandled installation: repositories is not a list"),
        (
            "installation",
            BASE | {"action": "created", "repositories": [None]},
            "unhandled installation: repository is not an object",
        ),
        (
            "installation",
            BASE | {"action": "created", "repositories": [{"id": True, "full_name": "x/y"}]},
            "unhandled installation: id is not a number",
        ),
        ("pull_request", BASE | {"action": "labeled", "pull_request": PULL}, "neither an end nor an edit"),
        (
            "pull_request",
            BASE | {"action": "closed", "pull_request": None},
            "unhandled pull_request: pull_request is not an object",
        ),
        (
            "pull_request",
            BASE | {"action": "edited", "pull_request": PULL | {"state": "closed"}},
            "not an open pull request from an own branch",
        ),
        ("issues", BASE | {"action": "edited", "issue": {"title": "Kebechet update"}}, "not a new title"),
        ("issues", BASE | {"action": "opened", "issue": {"title": "Hello"}}, "no command"),
        (
            "issues",
            BASE | {"action": "edited", "changes": {"title": {"from": "kebechet UPDATE "}}}
            | {"issue": {"number": 4, "title": "Kebechet update"}},
            "the command is as before the edit",
        ),
        (
            "issue_comment",
            BASE | {"action": "edited", "changes": {"body": {"from": "/update"}}}
            | {"issue": {"number": 4}, "comment": {"id": 11, "body": "/update\n\nplease"}},
            "the command is as before the edit",
        ),
        ("issue_comment", BASE | {"action": "edited", "comment": {"body": "/update"}}, "not a new text"),
        (
            "issue_comment",
            BASE | {"action": "created", "comment": {"id": "1", "body": "/update"}},
            "unhandled issue_comment: comment.id is not a number",
        ),
        (CHANGE_PROPOSED, {"number": 1}, f"unhandled {CHANGE_PROPOSED}: installation.id is not a number"),
    ],
)  # fmt: skip
def test_what_is_ignored_and_why(kind: str, body: object, reason: str) -> None:
    assert payloads.parse(kind, body, OWN) == Ignored(reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KINDS = st.sampled_from(
    ["installation", "installation_repositories", "push", "pull_request", "issues", "issue_comment", CHANGE_PROPOSED]
)
FIELDS = ["action", "repository", "installation", "sender", "issue", "comment", "pull_request", "repositories", "ref"]


@given(KINDS, JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_body_is_too_strange(kind: str, body: object) -> None:
    found = payloads.parse(kind, body, OWN)
    assert isinstance(found, Ignored) or all(isinstance(event, Event) for event in found)


@given(KINDS, st.data())
def test_a_body_that_lacks_or_garbles_one_part_never_raises(kind: str, data: st.DataObject) -> None:
    action = {"pull_request": "closed", "issues": "opened", "installation_repositories": "added"}.get(kind, "created")
    whole = BASE | {
        "action": action,
        "ref": "refs/heads/main",
        "after": SHA,
        "pull_request": PULL,
        "issue": {"number": 4, "title": "Kebechet update"},
        "comment": {"id": 1, "body": "/update"},
        "repositories": OTHERS,
        "repositories_added": OTHERS,
        "number": 1,
        "base_sha": SHA,
        "head_sha": SHA,
        "lock": "Pipfile.lock",
    }
    assert not isinstance(payloads.parse(kind, whole, OWN), Ignored)
    whole = json.loads(json.dumps(whole))
    part: Any = whole
    while True:
        key = data.draw(st.sampled_from(sorted(part)))
        if not isinstance(part[key], dict) or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = data.draw(JSON)
    payloads.parse(kind, whole, OWN)


@given(st.integers(1), st.text(), st.integers(), st.integers(), st.text(), st.text())
def test_a_proposal_goes_into_the_inbox_and_comes_out_the_same(
    number: int, name: str, identity: int, installation: int, base: str, head: str
) -> None:
    event = ChangeProposed(Repository(identity, name, installation), number, base, head, "gpu/uv.lock")
    letter = inside.change_proposed(event)
    assert payloads.parse(letter.kind, json.loads(letter.body), OWN) == (event,)


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        ("push", "ref after deleted repository.default_branch repository.full_name installation.id sender.login"),
        ("installation", "action repositories[].id repositories[].full_name installation.id"),
        ("installation_repositories", "action repositories_added[].full_name installation.id"),
        ("pull_request", "pull_request.merged pull_request.merge_commit_sha pull_request.head.repo.id"),
        ("pull_request", "pull_request.head.ref pull_request.base.ref repository.default_branch"),
        ("issues", "issue.number issue.title sender.id sender.type"),
        ("issue_comment", "comment.id comment.body issue.number"),
    ],
)
def test_what_is_read_stands_in_githubs_own_examples(kind: str, paths: str) -> None:
    keys = json.loads((Path(__file__).parents[1] / "data/github/webhook-keys.json").read_text())
    assert [path for path in paths.split() if f"[].{path}" not in keys[kind]] == []


@pytest.mark.parametrize("ended", [{"merged": False}, {"base": {"ref": "stable"}}])
def test_a_pull_request_may_end_otherwise_than_in_the_default_branch(ended: dict[str, object]) -> None:
    body = BASE | {"action": "closed", "pull_request": PULL | ended}
    found = payloads.parse("pull_request", body, OWN)
    assert found == (PullRequestClosed(HERE, 5),)
