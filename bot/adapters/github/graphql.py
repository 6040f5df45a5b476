"""The GraphQL documents that the bot sends, and what GitHub's errors in a 200 mean."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.adapters.github.line import A_MINUTE, Unclear, asked_pause
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved


class Unprocessable(Exception):
    """GitHub understood and says that it cannot be done so; `messages` are its reasons."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


def raise_errors(answer: Any, repository: str, now: float, headers: Mapping[str, str]) -> Any:
    """The data of a GraphQL answer without errors.

    Raises HeadMoved (STALE_DATA), ForgeUnavailable (limits), Unclear (GitHub's own failure), Unprocessable, or
    ForgeRefused (not found, not allowed, not valid).
    """
    if not isinstance(answer, dict) or not ("data" in answer or "errors" in answer):
        raise Unclear("GitHub's answer is no GraphQL answer")
    errors = answer.get("errors")
    if not errors:
        return answer["data"]
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    kinds = {str(error.get("type", "")) for error in found}
    messages = tuple(str(error.get("message", "")) for error in found)
    sentence = f"{repository}: {'; '.join(messages) or 'an error without a word'}"
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or any("secondary rate limit" in each.lower() for each in messages):
        asked = asked_pause(headers, now)
        raise ForgeUnavailable(sentence, after=A_MINUTE if asked is None else asked)
    if "STALE_DATA" in kinds:
        raise HeadMoved(sentence)
    if kinds & {"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES", "UNAUTHORIZED"}:
        raise ForgeRefused(sentence)
    if "UNPROCESSABLE" in kinds:
        raise Unprocessable(messages)
    if kinds <= {"", "SERVICE_UNAVAILABLE", "INTERNAL"} and not any("locations" in error for error in found):
        raise Unclear(sentence)  # "Something went wrong while executing your query", a time-out
    raise ForgeRefused(sentence)


_FILE = "f{n}: file(path: $p{n}) {{ mode type object {{ ... on Blob {{ oid text byteSize isBinary isTruncated }} }} }}"

_PROJECT = """
query ReadProject($owner: String!, $name: String!{variables}) {{
  repository(owner: $owner, name: $name) {{
    id
    databaseId
    nameWithOwner
    isArchived
    defaultBranchRef {{ name target {{ oid {head} }} }}
    {fixed}
    {branches}
    {tracked}
  }}
}}
{fragment}
"""
_TRACKED = """
    hasIssuesEnabled
    tracking: issues(labels: [$tracked], first: 10, orderBy: {field: CREATED_AT, direction: ASC}) {
      nodes { number body state author { __typename login } }
    }
    proposals: refs(refPrefix: "refs/heads/bolide/", first: 100) {
      nodes { name associatedPullRequests(states: [OPEN], first: 5) {
        nodes { isCrossRepository number title createdAt }
      } }
    }
"""
_OWN = """
    ref{n}: ref(qualifiedName: $own{n}) {{ target {{ oid ... on Commit {{ author {{ name }} }} }} }}
    open{n}: pullRequests(headRefName: $branch{n}, states: [OPEN], first: 10) {{
      nodes {{ isCrossRepository number body commits(last: 50) {{ nodes {{ commit {{ oid author {{ name }} }} }} }} }}
    }}
    merged{n}: pullRequests(headRefName: $branch{n}, states: [MERGED], last: 5) {{
      nodes {{ isCrossRepository headRefOid }}
    }}
    closed{n}: pullRequests(headRefName: $branch{n}, states: [CLOSED], last: 5) {{ nodes {{ isCrossRepository body }} }}
"""
# The names at the top, and one folder down in the folder of the overlays.
_LISTING = """
  tree { entries { name type } }
  overlays: file(path: $overlays) {
    path object { ... on Tree { entries { name object { ... on Tree { entries { name type } } } } } }
  }
"""


def own_ones(connection: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pull requests from the repository itself: a fork may have a branch of the same name."""
    return [node for node in connection["nodes"] if not node["isCrossRepository"]]


def read_project(paths: Sequence[str], branches: int, *, fixed: bool, extras: Collection[str] = ()) -> str:
    """The query `ReadProject` for so many files and branches, of the commit `$at` (fixed) or of the default branch.

    Of the extras, `overlays` adds what there is at the top of the repository and in the folders below `$overlays`,
    `tracked` the issues with the label `$tracked` and the open pull requests from the bot's branches.
    """
    files = "\n  ".join(_FILE.format(n=n) for n in range(len(paths)))
    names = [f"p{n}" for n in range(len(paths))] + [f"{kind}{n}" for n in range(branches) for kind in ("own", "branch")]
    names += [*(["at"] if fixed else []), *extras]
    # Files and commit come out of one object, so that no push can come between them.
    fragment = f"fragment Files on Commit {{\n  oid\n  {files}\n{_LISTING if 'overlays' in extras else ''}}}"
    return _PROJECT.format(
        variables="".join(f", ${name}: String!" for name in names),
        head="" if fixed else "...Files",
        fixed="at: object(expression: $at) { ...Files }" if fixed else "",
        branches="".join(_OWN.format(n=n) for n in range(branches)),
        tracked=_TRACKED if "tracked" in extras else "",
        fragment=fragment,
    )


WRITE_COMMIT = """
mutation WriteCommit($ref: CreateRefInput!, $commit: CreateCommitOnBranchInput!) {
  createRef(input: $ref) { ref { id } }
  createCommitOnBranch(input: $commit) { commit { oid } ref { id } }
}
"""
ADD_COMMIT = """
mutation WriteCommit($commit: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $commit) { commit { oid } ref { id } }
}
"""
DELETE_REF = """
mutation DeleteRef($ref: DeleteRefInput!) { deleteRef(input: $ref) { clientMutationId } }
"""

_PULL_REQUEST = "{ pullRequest { id number url title body state } }"
_STEPS = {
    "move": ("UpdateRefsInput", "updateRefs", "{ clientMutationId }"),
    "drop": ("DeleteRefInput", "deleteRef", "{ clientMutationId }"),
    "create": ("CreatePullRequestInput", "createPullRequest", _PULL_REQUEST),
    "update": ("UpdatePullRequestInput", "updatePullRequest", _PULL_REQUEST),
}


def open_pull_request(steps: Sequence[str]) -> str:
    """The document `OpenPullRequest` of these steps in order: `move`, `drop`, `create`, `update`, one variable each."""
    variables = ", ".join(f"${step}: {_STEPS[step][0]}!" for step in steps)
    mutations = "\n  ".join(f"{step}: {_STEPS[step][1]}(input: ${step}) {_STEPS[step][2]}" for step in steps)
    return f"mutation OpenPullRequest({variables}) {{\n  {mutations}\n}}"


OPEN_PULLS = """
query OpenPulls($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequests(states: [OPEN], last: 50) {
      nodes {
        number title additions deletions mergeable
        labels(first: 100) { nodes { name } }
        files(first: 100) { nodes { path } }
      }
    }
  }
}
"""

_BRANCH = """
query ReadBranch($owner: String!, $name: String!, $own: String!, $next: String!, $branch: String!{variables}) {{
  repository(owner: $owner, name: $name) {{
    own: ref(qualifiedName: $own) {{ ...Head }}
    next: ref(qualifiedName: $next) {{ ...Head }}
    pullRequests(headRefName: $branch, states: [OPEN], first: 10) {{
      nodes {{ isCrossRepository id number url title body state }}
    }}
  }}
}}
fragment Head on Ref {{
  id
  target {{ oid ... on Commit {{ message parents(first: 2) {{ nodes {{ oid }} }} {files} }} }}
}}
"""


def read_branch(files: int) -> str:
    """The query `ReadBranch`: the bot's branch, the one it is renewed from, and the ids of so many files on them."""
    variables = "".join(f", $p{n}: String!" for n in range(files))
    return _BRANCH.format(
        variables=variables, files=" ".join(f"f{n}: file(path: $p{n}) {{ oid }}" for n in range(files))
    )
