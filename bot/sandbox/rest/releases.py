"""Releases and their files."""

import base64
from dataclasses import replace

from aiohttp import web

from bot.sandbox.actions.refs import create_ref
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.errors import invalid, not_found
from bot.sandbox.records import Asset, Release
from bot.sandbox.shapes import deployments as shapes

table = Table()
RELEASE = "/repos/{owner}/{repo}/releases/{release_id}"
ASSETS = f"{RELEASE}/assets"
ASSET = "/repos/{owner}/{repo}/releases/assets/{asset_id}"


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
    draft = call.flag("draft")
    if not draft:
        await _ensure_tag(call, tag, target)
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
    publishes = before.draft and not changed.draft
    if publishes:
        await _ensure_tag(call, changed.tag, changed.target)
        changed = replace(changed, published=call.forge.now())
    call.forge.store.put(changed)
    if publishes:
        _tell(call, changed, "published")
    return answer(shapes.release(call.forge, call.repository, changed))


@table.route("DELETE", RELEASE, "contents:write")
async def delete_release(call: Call) -> web.Response:
    """Delete a release; the tag stays."""
    release = _release(call)
    for asset in call.forge.store.all(Asset, release.id):
        call.forge.store.remove(asset)
    call.forge.store.remove(release)
    return web.Response(status=204)


@table.route("GET", ASSETS, "contents:read")
async def list_assets(call: Call) -> web.Response:
    """The files of a release."""
    release = _release(call)
    found = call.forge.store.all(Asset, release.id)
    return page(call, found, lambda each: shapes.asset(call.forge, call.repository, release, each))


@table.route("POST", ASSETS, "contents:write", raw=True)
async def upload_asset(call: Call) -> web.Response:
    """A new file of a release; GitHub takes it at a host of its own, the sandbox where `upload_url` says."""
    release, query = _release(call), call.request.query
    name, content = query.get("name", ""), await call.request.read()
    if not name or not content:
        raise invalid("ReleaseAsset", "name" if not name else "size", "missing_field")
    if call.forge.store.one(Asset, release.id, name):
        raise invalid("ReleaseAsset", "name", "already_exists")
    text, media = base64.b64encode(content).decode(), call.request.content_type
    row = Asset(
        0, release.id, name, query.get("label", ""), media, text, len(content), call.who.user.id, call.forge.now()
    )  # fmt: skip
    made = call.forge.store.add(row)
    return answer(shapes.asset(call.forge, call.repository, release, made), 201)


@table.route("GET", ASSET, "contents:read")
async def get_asset(call: Call) -> web.Response:
    """A file's description, or the file itself for who accepts bytes."""
    release, asset = _asset(call)
    if "application/octet-stream" in call.request.headers.get("Accept", ""):
        return web.Response(body=base64.b64decode(asset.content), content_type="application/octet-stream")
    return answer(shapes.asset(call.forge, call.repository, release, asset))


@table.route("DELETE", ASSET, "contents:write")
async def delete_asset(call: Call) -> web.Response:
    """Delete a file of a release."""
    call.forge.store.remove(_asset(call)[1])
    return web.Response(status=204)


async def _ensure_tag(call: Call, tag: str, target: str) -> None:
    git = call.forge.git(call.repository)
    if await git.ref(f"refs/tags/{tag}") is None:
        sha = await git.resolve(target)
        if sha is None:
            raise invalid("Release", "target_commitish")
        await create_ref(call.forge, call.who, call.repository, f"refs/tags/{tag}", sha)


def _asset(call: Call) -> tuple[Release, Asset]:
    asset = call.forge.store.get(Asset, call.number("asset_id"))
    release = call.forge.store.get(Release, asset.release_id) if asset else None
    if asset is None or release is None or release.repository_id != call.repository.id:
        raise not_found()
    return release, asset


def _release(call: Call) -> Release:
    found = call.forge.store.get(Release, call.number("release_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return found


def _tell(call: Call, release: Release, action: str) -> None:
    told = replace(release, name=release.name or "", body=release.body or "")  # a webhook has no null here
    shape = shapes.release(call.forge, call.repository, told)
    shape["assets"] = [{k: v for k, v in each.items() if k != "digest"} for each in shape["assets"]]  # nor this
    payload = {"release": shape}
    call.forge.emit("release", action, payload, call.repository, call.who.user)
