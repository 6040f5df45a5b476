"""Releases."""

from dataclasses import replace

from aiohttp import web

from bot.sandbox.actions.refs import create_ref
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.errors import invalid, not_found
from bot.sandbox.records import Release
from bot.sandbox.shapes import deployments as shapes

table = Table()
RELEASE = "/repos/{owner}/{repo}/releases/{release_id}"


@table.route("GET", "/repos/{owner}/{repo}/releases", "contents:read")
async def list_releases(call: Call) -> web.Response:
    """The releases, newest first."""
    found = list(reversed(call.forge.store.all(Release, call.repository.id)))
    return page(call, found, lambda each: shapes.release(call.forge, call.repository, each))


@table.route("POST", "/repos/{owner}/{repo}/releases", "contents:write")
async def create_release(call: Call) -> web.Response:
    """A new release; its tag is made at the target when there is none."""
    tag, target = call.text("tag_name"), call.text("target_commitish", call.repository.default_branch)
    if call.forge.store.one(Release, call.repository.id, tag):
        raise invalid("Release", "tag_name", "already_exists")
    git, draft = call.forge.git(call.repository), call.flag("draft")
    if not draft and await git.ref(f"refs/tags/{tag}") is None:
        sha = await git.resolve(target)
        if sha is None:
            raise invalid("Release", "target_commitish")
        await create_ref(call.forge, call.who, call.repository, f"refs/tags/{tag}", sha)
    now = call.forge.now()
    row = Release(
        0, call.repository.id, tag, target, call.optional("name"), call.optional("body"), draft,
        call.flag("prerelease"), call.who.user.id, now, None if draft else now,
    )  # fmt: skip
    made = call.forge.store.add(row)
    _tell(call, made, "created")
    if not draft:
        _tell(call, made, "published")
    return answer(shapes.release(call.forge, call.repository, made), 201)


@table.route("GET", "/repos/{owner}/{repo}/releases/latest", "contents:read")
async def latest_release(call: Call) -> web.Response:
    """The newest full release."""
    for each in reversed(call.forge.store.all(Release, call.repository.id)):
        if not each.draft and not each.prerelease:
            return answer(shapes.release(call.forge, call.repository, each))
    raise not_found()


@table.route("GET", "/repos/{owner}/{repo}/releases/tags/{tag}", "contents:read")
async def release_by_tag(call: Call) -> web.Response:
    """The release of a tag."""
    found = call.forge.store.one(Release, call.repository.id, call.part("tag"))
    if found is None or found.draft:
        raise not_found()
    return answer(shapes.release(call.forge, call.repository, found))


@table.route("GET", RELEASE, "contents:read")
async def get_release(call: Call) -> web.Response:
    """One release."""
    return answer(shapes.release(call.forge, call.repository, _release(call)))


@table.route("PATCH", RELEASE, "contents:write")
async def update_release(call: Call) -> web.Response:
    """Change name, body, draft, prerelease."""
    before = _release(call)
    texts = {"name": before.name, "body": before.body, **call.changes("name", "body")}
    draft, prerelease = call.flag("draft", before.draft), call.flag("prerelease", before.prerelease)
    changed = replace(before, name=texts["name"], body=texts["body"], draft=draft, prerelease=prerelease)
    if before.draft and not changed.draft:
        changed = replace(changed, published=call.forge.now())
    call.forge.store.put(changed)
    return answer(shapes.release(call.forge, call.repository, changed))


@table.route("DELETE", RELEASE, "contents:write")
async def delete_release(call: Call) -> web.Response:
    """Delete a release; the tag stays."""
    call.forge.store.remove(_release(call))
    return web.Response(status=204)


def _release(call: Call) -> Release:
    found = call.forge.store.get(Release, call.number("release_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return found


def _tell(call: Call, release: Release, action: str) -> None:
    told = replace(release, name=release.name or "", body=release.body or "")  # a webhook has no null here
    payload = {"release": shapes.release(call.forge, call.repository, told)}
    call.forge.emit("release", action, payload, call.repository, call.who.user)
