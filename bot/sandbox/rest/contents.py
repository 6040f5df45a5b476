"""Files by path: read, write, delete."""

from aiohttp import web

from bot.sandbox.actions.refs import NewCommit, commit_to_branch
from bot.sandbox.calls import Call, Table, answer
from bot.sandbox.entities import Json
from bot.sandbox.errors import ApiError, conflict, not_found, unprocessable
from bot.sandbox.git import Entry, Git, Signature
from bot.sandbox.shapes import commits

table = Table()
LARGEST_BLOB = 100 * 1024 * 1024  # bytes
LARGEST_INLINE = 1024 * 1024


async def entry_at(git: Git, sha: str, path: str) -> Entry | None:
    """The entry of a commit's tree at a path."""
    folder, _, name = path.rpartition("/")
    found = await git.object(f"{sha}:{folder}")
    if found is None or found.kind != "tree":  # git takes no path that leads out of the tree
        return None
    for entry in await git.tree(found.oid):
        if entry.path == name:
            return Entry(entry.mode, entry.kind, entry.oid, entry.size, path)
    return None


@table.route("GET", "/repos/{owner}/{repo}/readme", "contents:read")
async def get_readme(call: Call) -> web.Response:
    """The README at the root."""
    git = call.forge.git(call.repository)
    ref = call.request.query.get("ref") or call.repository.default_branch
    sha = await git.resolve(ref)
    for entry in await git.tree(sha) if sha else []:
        if entry.kind == "blob" and entry.path.lower().startswith("readme"):
            return await _file(call, git, ref, entry)
    raise not_found()


@table.route("GET", "/repos/{owner}/{repo}/contents/{path}", "contents:read")
async def get_contents(call: Call) -> web.Response:
    """A file, or the entries of a directory."""
    return await _directory(call, call.request.match_info.get("path", "").strip("/"))


@table.route("PUT", "/repos/{owner}/{repo}/contents/{path}", "contents:write")
async def put_contents(call: Call) -> web.Response:
    """Create or change a file in one commit; changing asks for the old blob's SHA."""
    message, path, data = call.text("message"), call.part("path"), call.base64("content")
    git, branch = call.forge.git(call.repository), call.optional("branch") or call.repository.default_branch
    tip = await git.resolve(f"refs/heads/{branch}")
    old = await entry_at(git, tip, path) if tip else None
    if old is not None and not call.optional("sha"):
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if call.optional("sha") and (old is None or old.oid != call.optional("sha")):
        raise conflict(f"{path} does not match {call.optional('sha')}")
    new = NewCommit(message, ((path, data),), (), _person(call, "author"), _person(call, "committer"))
    oid = await commit_to_branch(call.forge, call.who, call.repository, branch, new)
    entry = await entry_at(git, oid, path)
    shape = commits.content(call.forge, call.repository, branch, entry) if entry else None
    return answer({"content": shape, "commit": await _commit(call, git, oid)}, 200 if old else 201)


@table.route("DELETE", "/repos/{owner}/{repo}/contents/{path}", "contents:write")
async def delete_contents(call: Call) -> web.Response:
    """Delete a file in one commit."""
    message, path = call.text("message"), call.part("path")
    git, branch = call.forge.git(call.repository), call.optional("branch") or call.repository.default_branch
    tip = await git.resolve(f"refs/heads/{branch}")
    old = await entry_at(git, tip, path) if tip else None
    if old is None:
        raise not_found()
    if old.oid != call.text("sha"):
        raise conflict(f"{path} does not match {call.text('sha')}")
    new = NewCommit(message, (), (path,), _person(call, "author"), _person(call, "committer"))
    oid = await commit_to_branch(call.forge, call.who, call.repository, branch, new)
    return answer({"content": None, "commit": await _commit(call, git, oid)})


async def _directory(call: Call, path: str) -> web.Response:
    git = call.forge.git(call.repository)
    ref = call.request.query.get("ref") or call.repository.default_branch
    sha = await git.resolve(ref)
    if sha is None:
        raise not_found(
            "This repository is empty." if "ref" not in call.request.query else f"No commit found for the ref {ref}"
        )
    entry = await entry_at(git, sha, path) if path else Entry("040000", "tree", sha, None, "")
    if entry is None:
        raise not_found()
    if entry.kind == "blob":
        return await _file(call, git, ref, entry)
    entries = await git.tree(f"{sha}:{path}")
    under = [Entry(e.mode, e.kind, e.oid, e.size, f"{path}/{e.path}".lstrip("/")) for e in entries]
    return answer([commits.content(call.forge, call.repository, ref, each) for each in under])


async def _file(call: Call, git: Git, ref: str, entry: Entry) -> web.Response:
    found = await git.object(entry.oid)
    data = found.content if found else b""
    if len(data) > LARGEST_BLOB:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    if "raw" in call.request.headers.get("Accept", ""):
        return web.Response(body=data, content_type="application/vnd.github.raw+json", charset="utf-8")
    shape = commits.content(call.forge, call.repository, ref, entry, data)
    if len(data) > LARGEST_INLINE:
        shape |= {"content": "", "encoding": "none"}
    return answer(shape)


async def _commit(call: Call, git: Git, oid: str) -> Json | None:
    found = await git.commit(oid)
    return commits.git_commit(call.forge, call.repository, found) if found else None


def _person(call: Call, name: str) -> Signature | None:
    given = call.part_of(name)
    return (
        Signature(given.text("name"), given.text("email"), given.moment("date") or call.forge.now()) if given else None
    )
