"""Git objects and references as GraphQL nodes."""

from typing import Any

from bot.sandbox.actions.refs import EMPTY_TREE
from bot.sandbox.entities import App, CheckRun, CheckSuite, Pull, Repository, Status
from bot.sandbox.errors import unprocessable
from bot.sandbox.forge import node_id
from bot.sandbox.git import Commit, Entry, GitError, GitObject, Ref, Signature, parse_commit
from bot.sandbox.graph.view import Node, View, actor, app, connection
from bot.sandbox.shapes import checks
from bot.sandbox.shapes.commits import account

LONGEST_TEXT = 512_000  # bytes
ENUMS = {"success": "SUCCESS", "failure": "FAILURE", "pending": "PENDING", "error": "ERROR"}


def git_object(view: View, repository: Repository, found: GitObject | None) -> Node | None:
    """A Blob, Tree, Commit or Tag."""
    if found is None:
        return None
    if found.kind == "commit":
        return commit(view, repository, parse_commit(found))
    shape = _object(view, repository, found.oid)
    if found.kind == "blob":
        return {**shape, "__typename": "Blob", **_blob(repository, found)}
    if found.kind == "tree":
        identity = node_id("T", repository.id, found.oid)
        return {**shape, "__typename": "Tree", "id": identity, "entries": _entries(view, repository, found.oid)}
    return {
        **shape,
        "__typename": "Tag",
        "id": node_id("TAG", repository.id, found.oid),
        **_tag(view, repository, found),
    }


def commit(view: View, repository: Repository, value: Commit) -> Node:
    """A Commit."""
    headline, _, body = value.message.partition("\n")
    people = [_person(view, value.author)]
    return {
        **_object(view, repository, value.oid),
        "__typename": "Commit",
        "id": node_id("C", repository.id, value.oid),
        "url": view.forge.page(f"/{repository.full_name}/commit/{value.oid}"),
        "message": value.message,
        "messageHeadline": headline,
        "messageBody": body.strip("\n"),
        "committedDate": value.committer.date,
        "authoredDate": value.author.date,
        "author": people[0],
        "authors": lambda _info, **arguments: connection(people, lambda each: each, **arguments),
        "committer": _person(view, value.committer),
        "signature": _signed(value),
        **_around(view, repository, value),
        **_checks(view, repository, value.oid),
    }


def _around(view: View, repository: Repository, value: Commit) -> Node:
    git = view.forge.git(repository)

    async def parents(_info: Any, **arguments: Any) -> Node:
        found = [await git.commit(oid) for oid in value.parents]
        return connection(found, lambda each: commit(view, repository, each), **arguments)

    async def history(_info: Any, path: str | None = None, **arguments: Any) -> Node:
        found = await git.history(value.oid, path=path or "")
        return connection(found, lambda each: commit(view, repository, each), **arguments)

    async def tree(_info: Any) -> Node | None:
        return git_object(view, repository, await git.object(value.tree))

    async def file(_info: Any, path: str) -> Node | None:
        folder, _, name = path.rpartition("/")
        try:
            found = [each for each in await git.tree(f"{value.oid}:{folder}") if each.path == name]
        except GitError:
            return None  # there is no such folder
        return _entry(view, repository, found[0], folder) if found else None

    async def numbers(name: str) -> int:
        changes = await git.changes(value.parents[0] if value.parents else EMPTY_TREE, value.oid)
        return len(changes) if name == "files" else sum(getattr(change, name) for change in changes)

    return {
        "parents": parents,
        "history": history,
        "tree": tree,
        "file": file,
        "additions": lambda _info: numbers("additions"),
        "deletions": lambda _info: numbers("deletions"),
        "changedFilesIfAvailable": lambda _info: numbers("files"),
        "associatedPullRequests": lambda _info, **arguments: _pulls_of(view, repository, value.oid, **arguments),
    }


def _pulls_of(view: View, repository: Repository, oid: str, **arguments: Any) -> Node:
    from bot.sandbox.graph import issuenodes  # pull requests have commits, commits have pull requests

    found = [each for each in view.forge.store.all(Pull, repository.id) if oid in (each.head_sha, each.merge_sha)]
    return connection(found, lambda each: issuenodes.pull(view, repository, each), **arguments)


def ref(view: View, repository: Repository, value: Ref | None) -> Node | None:
    """A Ref; its name is without the prefix."""
    if value is None:
        return None
    git = view.forge.git(repository)
    prefix = "/".join(value.name.split("/", 2)[:2]) + "/"

    async def target(_info: Any) -> Node | None:
        return git_object(view, repository, await git.object(value.oid))

    def pulls(_info: Any, states: list[str] | None = None, **arguments: Any) -> Node:
        from bot.sandbox.graph import issuenodes

        return issuenodes.pulls(
            view, repository, head_ref_name=value.name.removeprefix(prefix), states=states, **arguments
        )

    return {
        "__typename": "Ref",
        "id": node_id("REF", repository.id, value.name),
        "name": value.name.removeprefix(prefix),
        "prefix": prefix,
        "target": target,
        "repository": lambda _info: repository_of(view, repository),
        "associatedPullRequests": pulls,
    }


def repository_of(view: View, repository: Repository) -> Node:
    """The repository of a node."""
    from bot.sandbox.graph import nodes  # a repository has references, a reference has its repository

    return nodes.repository(view, repository)


def _object(view: View, repository: Repository, oid: str) -> Node:
    return {
        "oid": oid,
        "abbreviatedOid": oid[:7],
        "commitUrl": view.forge.page(f"/{repository.full_name}/commit/{oid}"),
        "repository": lambda _info: repository_of(view, repository),
    }


def _blob(repository: Repository, found: GitObject) -> Node:
    binary = b"\0" in found.content[:8000]
    text = None if binary else found.content[:LONGEST_TEXT].decode(errors="replace")
    return {
        "id": node_id("B", repository.id, found.oid),
        "byteSize": len(found.content),
        "isBinary": binary,
        "isTruncated": len(found.content) > LONGEST_TEXT,
        "text": text,
    }


def _tag(view: View, repository: Repository, found: GitObject) -> Node:
    head, _, message = found.content.decode(errors="replace").partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.split("\n"))

    async def target(_info: Any) -> Node | None:
        return git_object(view, repository, await view.forge.git(repository).object(fields["object"]))

    name, _, rest = fields.get("tagger", "").partition(" <")
    return {
        "name": fields["tag"],
        "message": message.rstrip("\n"),
        "target": target,
        "tagger": {"name": name, "email": rest.partition(">")[0], "date": None, "user": None},
    }


def _entries(view: View, repository: Repository, oid: str) -> Any:
    async def entries(_info: Any) -> list[Node]:
        return [_entry(view, repository, each, "") for each in await view.forge.git(repository).tree(oid)]

    return entries


def _entry(view: View, repository: Repository, value: Entry, folder: str) -> Node:
    async def target(_info: Any) -> Node | None:
        return git_object(view, repository, await view.forge.git(repository).object(value.oid))

    dot = value.path.rfind(".")
    return {
        "name": value.path,
        "path": f"{folder}/{value.path}".lstrip("/"),
        "mode": int(value.mode, 8),
        "type": value.kind,
        "oid": value.oid,
        "size": value.size or 0,
        "extension": value.path[dot:] if dot > 0 else "",
        "object": target,
    }


def _person(view: View, value: Signature) -> Node:
    found = account(view.forge, value)
    user = actor(view.forge, found) if found and not found.is_bot else None
    return {"name": value.name, "email": value.email, "date": value.date, "user": user}


def _signed(value: Commit) -> Node | None:
    if value.committer.email != "noreply@github.com":
        return None
    return {"__typename": "GpgSignature", "isValid": True, "state": "VALID", "wasSignedByGitHub": True}


def _checks(view: View, repository: Repository, sha: str) -> Node:
    forge = view.forge

    def status(_info: Any) -> Node | None:
        found = checks.latest(forge, repository, sha)
        if not found:
            return None
        state = checks.combined([each.state for each in found])
        contexts = [_context(each) for each in found]
        return {"id": node_id("ST", repository.id, sha), "state": ENUMS[state], "contexts": contexts}

    def rollup(_info: Any) -> Node | None:
        states = [each.state for each in checks.latest(forge, repository, sha)]
        for run in forge.store.all(CheckRun, repository.id, sha):
            good = run.conclusion in {"success", "neutral", "skipped"}
            states.append("pending" if run.status != "completed" else "success" if good else "failure")
        if not states:
            return None
        return {"id": node_id("SR", repository.id, sha), "state": ENUMS[checks.combined(states)]}

    def suites(_info: Any, **arguments: Any) -> Node:
        if not view.readable(repository, "checks"):
            raise unprocessable("Resource not accessible by integration")
        return connection(checks.suites_at(forge, repository, sha), lambda each: _suite(view, each), **arguments)

    return {"status": status, "statusCheckRollup": rollup, "checkSuites": suites}


def _context(value: Status) -> Node:
    return {
        "id": node_id("SC", value.id),
        "state": value.state.upper(),
        "context": value.context,
        "description": value.description,
        "targetUrl": value.target_url,
        "createdAt": value.created,
    }


def _suite(view: View, value: CheckSuite) -> Node:
    status, conclusion = checks.verdict(view.forge, value)
    runs = checks.runs_of(view.forge, value)
    return {
        "id": node_id("CS", value.id),
        "databaseId": value.id,
        "status": status.upper(),
        "conclusion": conclusion.upper() if conclusion else None,
        "app": app(view.forge.store.get(App, value.app_id)),
        "checkRuns": lambda _info, **arguments: connection(runs, check_run, **arguments),
    }


def check_run(value: CheckRun) -> Node:
    """A CheckRun."""
    return {
        "__typename": "CheckRun",
        "id": node_id("CR", value.id),
        "databaseId": value.id,
        "name": value.name,
        "status": value.status.upper(),
        "conclusion": value.conclusion.upper() if value.conclusion else None,
        "title": value.output.get("title"),
        "summary": value.output.get("summary"),
        "text": value.output.get("text"),
        "detailsUrl": value.details_url,
        "externalId": value.external_id,
        "startedAt": value.started,
        "completedAt": value.completed,
    }
