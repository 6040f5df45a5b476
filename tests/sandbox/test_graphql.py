"""Every GraphQL field and mutation, executed over the official schema."""

from pathlib import Path
from typing import Any

from bot.sandbox import Sandbox
from tests.sandbox.harness import Client
from tests.sandbox.test_bot_story import Bot, installed, propose
from tests.sandbox.test_pages import stage

R = "/repos/ada/digits"
REFS = """{ repository(owner: "ada", name: "digits") { id
  ref(qualifiedName: "refs/heads/bolide/update") { id } defaultBranchRef { target { oid } } } }"""
EVERYTHING = Path(__file__).with_name("everything.graphql").read_text()


async def furnish(sandbox: Sandbox, bot: Bot) -> tuple[str, str]:
    """A repository with one of each thing; the tag object and what it names."""
    await stage(sandbox, bot)
    sandbox.open_issue("ada/digits", "ada", "Two")
    head = (await bot.client("GET", f"{R}/git/ref/heads/main"))[1]["object"]["sha"]
    tag = {"tag": "v1", "message": "first", "object": head, "type": "commit"}
    sha = (await bot.client("POST", f"{R}/git/tags", tag))[1]["sha"]
    await bot.client("POST", f"{R}/git/refs", {"ref": "refs/tags/v1", "sha": sha})
    await bot.client("POST", f"{R}/releases", {"tag_name": "v1", "name": "One"})
    made = (await bot.client("POST", f"{R}/deployments", {"ref": "main", "required_contexts": []}))[1]
    await bot.client("POST", f"{R}/deployments/{made['id']}/statuses", {"state": "success"})
    return sha, head


async def test_a_query_for_everything_executes_over_the_official_schema(
    sandbox: Sandbox, keys: tuple[str, str]
) -> None:
    async with installed(sandbox, keys) as bot:
        sha, head = await furnish(sandbox, bot)
        node = (await bot.client("GET", f"{R}/pulls/1"))[1]["node_id"]
        body = await bot.client.graphql(EVERYTHING, node=node)
        for identity in [
            (await bot.client("GET", path))[1]["node_id"]
            for path in (
                R,
                f"{R}/issues/2",
                f"{R}/labels/dependencies",
                f"{R}/releases/latest",
                f"{R}/git/ref/heads/main",
                "/users/ada",
            )
        ]:
            found = await bot.client.graphql("query($node: ID!) { node(id: $node) { id } }", node=identity)
            assert found["data"]["node"]["id"] == identity
    assert "errors" not in body, body["errors"]
    found = body["data"]["repository"]
    assert body["data"]["node"]["__typename"] == "PullRequest"
    assert (found["tip"]["none"], found["tip"]["file"]["name"]) == (None, "__init__.py")
    assert found["tip"]["statusCheckRollup"] == {"state": "SUCCESS"}
    assert found["tags"]["nodes"][0]["target"] == {
        "__typename": "Tag",
        "oid": sha,
        "name": "v1",
        "message": "first",
        "tagger": {"name": "bolide[bot]"},
        "target": {"oid": head},
    }
    assert found["pullRequest"]["mergeable"] == "MERGEABLE"
    assert found["deployments"]["nodes"] == [{"state": "ACTIVE", "latestStatus": {"state": "SUCCESS"}}]
    assert found["latestRelease"] == {"tagName": "v1"}
    assert [each["number"] for each in found["issues"]["nodes"]] == [2]


async def mutate(client: Client, name: str, wanted: str, /, **given: Any) -> Any:
    kind = name[0].upper() + name[1:] + "Input"
    body = await client.graphql(f"mutation($i: {kind}!) {{ {name}(input: $i) {{ {wanted} }} }}", i=given)
    return body["errors"][0] if "errors" in body else body["data"][name]


async def test_every_mutation_does_what_it_says(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot:
        pull = await propose(bot)
        client, subject = bot.client, pull["id"]
        repository = (await client("GET", R))[1]["node_id"]
        made = await mutate(client, "createIssue", "issue { id number }", repositoryId=repository, title="Two")
        issue = made["issue"]["id"]
        await client("POST", f"{R}/labels", {"name": "x", "color": "ffffff"})
        status, labels = await client("POST", f"{R}/issues/2/labels", {"labels": ["x"]})
        assert status == 200
        label = labels[0]["node_id"]
        assert await mutate(
            client,
            "addLabelsToLabelable",
            "labelable { labels(first: 1) { nodes { name } } }",
            labelableId=subject,
            labelIds=[label],
        ) == {"labelable": {"labels": {"nodes": [{"name": "x"}]}}}
        assert await mutate(
            client,
            "removeLabelsFromLabelable",
            "labelable { labels(first: 1) { totalCount } }",
            labelableId=subject,
            labelIds=[label],
        ) == {"labelable": {"labels": {"totalCount": 0}}}
        assert (await mutate(client, "addComment", "subject { id }", subjectId=subject, body="hello"))["subject"][
            "id"
        ] == subject
        comment = (await client("GET", f"{R}/issues/1/comments"))[1][0]["node_id"]
        assert await mutate(client, "updateIssueComment", "issueComment { body }", id=comment, body="new") == {
            "issueComment": {"body": "new"}
        }
        assert await mutate(client, "addReaction", "reaction { content }", subjectId=comment, content="EYES") == {
            "reaction": {"content": "EYES"}
        }
        await change_and_merge(client, issue, pull, repository)
        await move_and_delete(client)


async def change_and_merge(client: Client, issue: str, pull: dict[str, Any], repository: str) -> None:
    subject = pull["id"]
    assert await mutate(client, "updateIssue", "issue { title }", id=issue, title="New") == {"issue": {"title": "New"}}
    assert await mutate(
        client, "closeIssue", "issue { state stateReason }", issueId=issue, stateReason="NOT_PLANNED"
    ) == {"issue": {"state": "CLOSED", "stateReason": "NOT_PLANNED"}}
    assert await mutate(
        client, "updatePullRequest", "pullRequest { title body }", pullRequestId=subject, title="T", body="B"
    ) == {"pullRequest": {"title": "T", "body": "B"}}
    assert await mutate(client, "closePullRequest", "pullRequest { state }", pullRequestId=subject) == {
        "pullRequest": {"state": "CLOSED"}
    }
    assert await mutate(client, "reopenPullRequest", "pullRequest { state }", pullRequestId=subject) == {
        "pullRequest": {"state": "OPEN"}
    }
    await refuse(client, repository, pull)
    assert await mutate(
        client, "mergePullRequest", "pullRequest { state merged }", pullRequestId=subject, mergeMethod="SQUASH"
    ) == {"pullRequest": {"state": "MERGED", "merged": True}}


async def move_and_delete(client: Client) -> None:
    branch = await client.graphql(REFS)
    found = branch["data"]["repository"]
    moved = await mutate(
        client,
        "updateRef",
        "ref { target { oid } }",
        refId=found["ref"]["id"],
        oid=found["defaultBranchRef"]["target"]["oid"],
        force=True,
    )
    assert moved["ref"]["target"] == found["defaultBranchRef"]["target"]
    await move_together(client, found)
    assert await mutate(client, "deleteRef", "clientMutationId", refId=found["ref"]["id"], clientMutationId="c") == {
        "clientMutationId": "c"
    }


async def move_together(client: Client, found: dict[str, Any]) -> None:
    """Several references at once: all of them, or none where one is elsewhere."""
    here, nowhere = found["defaultBranchRef"]["target"]["oid"], "0" * 40
    first = {"name": "refs/heads/one", "beforeOid": nowhere, "afterOid": here}
    wrong = {"name": "refs/heads/two", "beforeOid": here, "afterOid": nowhere}
    refused = await mutate(
        client, "updateRefs", "clientMutationId", repositoryId=found["id"], refUpdates=[first, wrong]
    )
    assert (refused["type"], refused["message"]) == ("UNPROCESSABLE", f"refs/heads/two is not at {here}.")
    made = {"clientMutationId": None}
    assert await mutate(client, "updateRefs", "clientMutationId", repositoryId=found["id"], refUpdates=[first]) == made
    moved = {**first, "beforeOid": here, "force": True}
    gone = {"name": "refs/heads/one", "afterOid": nowhere}
    for update in (moved, gone):
        told = await mutate(client, "updateRefs", "clientMutationId", repositoryId=found["id"], refUpdates=[update])
        assert told == made


async def refuse(client: Client, repository: str, pull: dict[str, Any]) -> None:
    """What GitHub refuses, in its types and words."""
    oid = pull["headRefOid"]
    taken = await mutate(client, "createRef", "ref { id }", repositoryId=repository, name="refs/heads/main", oid=oid)
    assert taken["message"] == 'A ref named "refs/heads/main" already exists in the repository.'
    twice = await mutate(
        client,
        "createPullRequest",
        "pullRequest { id }",
        repositoryId=repository,
        headRefName="bolide/update",
        baseRefName="main",
        title="Again",
    )
    assert (twice["type"], twice["message"]) == (
        "UNPROCESSABLE",
        "A pull request already exists for ada:bolide/update.",
    )
    lost = await mutate(client, "closeIssue", "issue { id }", issueId="I_nonsense")
    assert lost["type"] == "NOT_FOUND"
    body = await client.graphql('{ repository(owner: "ada", name: "nowhere") { id } }')
    assert (body["data"], body["errors"][0]["type"]) == ({"repository": None}, "NOT_FOUND")
    assert "data" not in await client.graphql("{ nonsense }")
