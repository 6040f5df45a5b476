"""Repositories, branches, tags, collaborators, archives."""

from dataclasses import replace

from aiohttp import web

from bot.sandbox.access import Granted, role_of
from bot.sandbox.actions.setup import create_repository, user_or_404
from bot.sandbox.archives import archive_address
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Repository
from bot.sandbox.errors import not_found
from bot.sandbox.forge import node_id
from bot.sandbox.shapes import accounts, commits, repositories

table = Table()


@table.route("GET", "/repos/{owner}/{repo}", "metadata:read")
async def get_repository(call: Call) -> web.Response:
    """The repository."""
    return answer(repositories.full(call.forge, call.repository, call.actor))


@table.route("PATCH", "/repos/{owner}/{repo}", "administration:write")
async def update_repository(call: Call) -> web.Response:
    """Change description, visibility, archived, issues, default branch."""
    fields = {"description": "description", "private": "private", "archived": "archived", "has_issues": "has_issues",
              "default_branch": "default_branch"}  # fmt: skip
    changes = {own: call.body[name] for name, own in fields.items() if call.body.get(name) is not None}
    changed = call.forge.store.put(replace(call.repository, **changes))
    return answer(repositories.full(call.forge, changed, call.actor))


@table.route("POST", "/user/repos")
async def create(call: Call) -> web.Response:
    """A new empty repository of the person."""
    name = f"{call.who.user.login}/{call.text('name')}"
    made = await create_repository(
        call.forge, name, private=call.flag("private"), description=call.optional("description") or ""
    )
    return answer(repositories.full(call.forge, made, call.actor), 201)


@table.route("GET", "/users/{username}/repos")
async def list_repositories(call: Call) -> web.Response:
    """The public repositories of a user."""
    user = user_or_404(call.forge, call.part("username"))
    found = [each for each in call.forge.store.all(Repository) if each.owner == user.login and not each.private]
    return page(call, found, lambda each: repositories.repository(call.forge, each))


@table.route("GET", "/repos/{owner}/{repo}/branches", "contents:read")
async def list_branches(call: Call) -> web.Response:
    """The branches, by name."""
    found = await call.forge.git(call.repository).refs("refs/heads/")
    return page(call, found, lambda each: commits.branch(call.forge, call.repository, each))


@table.route("GET", "/repos/{owner}/{repo}/branches/{branch}", "contents:read")
async def get_branch(call: Call) -> web.Response:
    """One branch with its tip."""
    forge, repository = call.forge, call.repository
    ref = await forge.git(repository).ref(f"refs/heads/{call.part('branch')}")
    tip = await forge.git(repository).commit(ref.commit) if ref else None
    if ref is None or tip is None:
        raise not_found("Branch not found")
    url = repositories.address(forge, repository, f"/branches/{call.part('branch')}")
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    body = {
        "name": call.part("branch"),
        "commit": commits.commit(forge, repository, tip),
        "_links": {"self": url, "html": forge.page(f"/{repository.full_name}/tree/{call.part('branch')}")},
        "protected": False,
        "protection": {"enabled": False, "required_status_checks": checks},
        "protection_url": f"{url}/protection",
    }
    return answer(body)


@table.route("GET", "/repos/{owner}/{repo}/tags", "contents:read")
async def list_tags(call: Call) -> web.Response:
    """The tags, last name first."""
    found = await call.forge.git(call.repository).refs("refs/tags/")
    forge, repository = call.forge, call.repository
    return page(
        call,
        sorted(found, key=lambda each: each.name, reverse=True),
        lambda each: {
            "name": each.name.removeprefix("refs/tags/"),
            "node_id": node_id("REF", repository.id, each.name),
            "commit": {
                "sha": each.commit,
                "url": repositories.address(forge, repository, f"/commits/{each.commit}"),
            },
            "zipball_url": repositories.address(forge, repository, f"/zipball/{each.name}"),
            "tarball_url": repositories.address(forge, repository, f"/tarball/{each.name}"),
        },
    )


@table.route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata:read")
async def permission(call: Call) -> web.Response:
    """The role of a user, in GitHub's old and new words."""
    user = user_or_404(call.forge, call.part("username"))
    role = role_of(call.forge.store, call.repository, user)
    old = {"triage": "read", "maintain": "write"}.get(role, role)
    shape = {**accounts.user(call.forge, user), "email": user.email, "name": user.name}
    shape |= {"permissions": repositories.permissions(Granted(role)), "role_name": role}
    return answer({"permission": old, "role_name": role, "user": shape})


@table.route("GET", "/repos/{owner}/{repo}/tarball/{ref}", "contents:read")
async def tarball(call: Call) -> web.Response:
    """Where the files of a commit are as a tar archive."""
    return await _archive(call, "tarball")


@table.route("GET", "/repos/{owner}/{repo}/zipball/{ref}", "contents:read")
async def zipball(call: Call) -> web.Response:
    """Where the files of a commit are as a zip archive."""
    return await _archive(call, "zipball")


async def _archive(call: Call, kind: str) -> web.Response:
    sha = await call.forge.git(call.repository).resolve(call.part("ref"))
    if sha is None:
        raise not_found()
    return web.Response(status=302, headers={"Location": archive_address(call.forge, call.repository, kind, sha)})
