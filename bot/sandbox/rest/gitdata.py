"""Git references, commits, trees, blobs and tags."""

import base64
from dataclasses import replace

from aiohttp import web

from bot.sandbox.actions.refs import create_ref, delete_ref, move_ref
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Json
from bot.sandbox.errors import not_found, unprocessable
from bot.sandbox.forge import node_id
from bot.sandbox.git import Entry, GitError, Signature
from bot.sandbox.gitwrite import TreeChange, write_blob, write_commit, write_tag, write_tree
from bot.sandbox.shapes import commits
from bot.sandbox.shapes.repositories import address

table = Table()


@table.route("GET", "/repos/{owner}/{repo}/git/ref/{ref}", "contents:read")
async def get_ref(call: Call) -> web.Response:
    """One reference (`heads/NAME`)."""
    found = await call.forge.git(call.repository).ref(f"refs/{call.part('ref')}")
    if found is None:
        raise not_found()
    return answer(commits.reference(call.forge, call.repository, found))


@table.route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents:read")
async def matching_refs(call: Call) -> web.Response:
    """The references that start so."""
    found = await call.forge.git(call.repository).refs(f"refs/{call.part('ref')}")
    return page(call, found, lambda each: commits.reference(call.forge, call.repository, each))


@table.route("POST", "/repos/{owner}/{repo}/git/refs", "contents:write")
async def post_ref(call: Call) -> web.Response:
    """A new reference."""
    name = call.text("ref")
    await create_ref(call.forge, call.who, call.repository, name, call.text("sha"))
    found = await call.forge.git(call.repository).ref(name)
    return answer(commits.reference(call.forge, call.repository, found), 201) if found else answer({}, 201)


@table.route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
async def patch_ref(call: Call) -> web.Response:
    """Move a reference."""
    name = f"refs/{call.part('ref')}"
    await move_ref(call.forge, call.who, call.repository, name, call.text("sha"), force=call.flag("force"))
    found = await call.forge.git(call.repository).ref(name)
    if found is None:
        raise not_found()
    return answer(commits.reference(call.forge, call.repository, found))


@table.route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
async def remove_ref(call: Call) -> web.Response:
    """Delete a reference."""
    await delete_ref(call.forge, call.who, call.repository, f"refs/{call.part('ref')}")
    return web.Response(status=204)


@table.route("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "contents:read")
async def get_commit(call: Call) -> web.Response:
    """A commit object."""
    return answer(await _commit(call, call.part("commit_sha")))


@table.route("POST", "/repos/{owner}/{repo}/git/commits", "contents:write")
async def post_commit(call: Call) -> web.Response:
    """A new commit object."""
    git, author = call.forge.git(call.repository), _person(call, "author")
    committer = _person(call, "committer") if "committer" in call.body else author
    try:
        oid = await write_commit(git, call.text("tree"), call.texts("parents"), call.text("message"), author, committer)
    except GitError as error:
        raise unprocessable("Tree SHA or parent does not exist") from error
    return answer(await _commit(call, oid), 201)


@table.route("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}", "contents:read")
async def get_tree(call: Call) -> web.Response:
    """The entries of a tree."""
    git, wanted = call.forge.git(call.repository), call.part("tree_sha")
    found = await git.object(f"{wanted}^{{tree}}")
    if found is None:
        raise not_found()
    entries = await git.tree(found.oid, recursive="recursive" in call.request.query)
    return answer(_tree(call, found.oid, entries))


@table.route("POST", "/repos/{owner}/{repo}/git/trees", "contents:write")
async def post_tree(call: Call) -> web.Response:
    """A new tree on top of `base_tree`."""
    git, changes = call.forge.git(call.repository), []
    for entry in (replace(call, body=each) for each in call.items("tree", dict)):
        oid = entry.optional("sha")
        if "content" in entry.body:
            oid = await write_blob(git, entry.text("content").encode())
        changes.append(TreeChange(entry.text("path"), oid, entry.text("mode", "100644")))
    try:
        oid = await write_tree(git, call.optional("base_tree"), changes)
    except GitError as error:
        raise unprocessable(f"GitRPC::BadObjectState: {error}") from error
    return answer(_tree(call, oid, await git.tree(oid)), 201)


@table.route("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "contents:read")
async def get_blob(call: Call) -> web.Response:
    """A blob in Base64."""
    found = await call.forge.git(call.repository).object(call.part("file_sha"))
    if found is None or found.kind != "blob":
        raise not_found()
    body = {
        **_blob(call, found.oid),
        "node_id": node_id("B", call.repository.id, found.oid),
        "size": len(found.content),
        "content": base64.encodebytes(found.content).decode(),
        "encoding": "base64",
    }
    return answer(body)


@table.route("POST", "/repos/{owner}/{repo}/git/blobs", "contents:write")
async def post_blob(call: Call) -> web.Response:
    """A new blob."""
    encoding = call.text("encoding", "utf-8")
    if encoding not in {"utf-8", "base64"}:
        raise unprocessable("encoding is neither utf-8 nor base64")
    data = call.base64("content") if encoding == "base64" else call.text("content").encode()
    return answer(_blob(call, await write_blob(call.forge.git(call.repository), data)), 201)


@table.route("GET", "/repos/{owner}/{repo}/git/tags/{tag_sha}", "contents:read")
async def get_tag(call: Call) -> web.Response:
    """An annotated tag object."""
    return answer(await _tag(call, call.part("tag_sha")))


@table.route("POST", "/repos/{owner}/{repo}/git/tags", "contents:write")
async def post_tag(call: Call) -> web.Response:
    """A new annotated tag object; its reference is made apart."""
    git = call.forge.git(call.repository)
    arguments = (call.text("tag"), call.text("object"), call.text("type"), call.text("message"))
    try:
        oid = await write_tag(git, *arguments, _person(call, "tagger"))
    except GitError as error:
        raise unprocessable("Object does not exist") from error
    return answer(await _tag(call, oid), 201)


async def _commit(call: Call, oid: str) -> Json:
    found = await call.forge.git(call.repository).commit(oid)
    if found is None:
        raise not_found()
    return commits.git_commit(call.forge, call.repository, found)


async def _tag(call: Call, oid: str) -> Json:
    found = await call.forge.git(call.repository).object(oid)
    if found is None or found.kind != "tag":
        raise not_found()
    head, _, message = found.content.decode(errors="replace").partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.split("\n"))
    name, _, rest = fields["tagger"].partition(" <")
    target, kind = fields["object"], fields["type"]
    return {
        "node_id": node_id("TAG", call.repository.id, found.oid),
        "tag": fields["tag"],
        "sha": found.oid,
        "url": address(call.forge, call.repository, f"/git/tags/{found.oid}"),
        "message": message.rstrip("\n"),
        "tagger": {"name": name, "email": rest.partition(">")[0], "date": call.forge.now()},
        "object": {
            "sha": target,
            "type": kind,
            "url": address(call.forge, call.repository, f"/git/{commits.KINDS[kind]}/{target}"),
        },
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def _tree(call: Call, oid: str, entries: list[Entry]) -> Json:
    shapes = []
    for entry in entries:
        size = {"size": entry.size} if entry.size is not None else {}
        url = address(call.forge, call.repository, f"/git/{commits.KINDS[entry.kind]}/{entry.oid}")
        facts = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.oid, "url": url}
        shapes.append({**facts, **size})
    url = address(call.forge, call.repository, f"/git/trees/{oid}")
    return {"sha": oid, "url": url, "tree": shapes, "truncated": False}


def _blob(call: Call, oid: str) -> Json:
    return {"sha": oid, "url": address(call.forge, call.repository, f"/git/blobs/{oid}")}


def _person(call: Call, name: str) -> Signature:
    given, own = call.part_of(name), call.forge.signature(call.who.user)
    if given is None:
        return own
    who = given.optional("name") or own.name, given.optional("email") or own.email
    return Signature(*who, given.moment("date") or own.date)
