"""Repositories, branches, tags, collaborators, archives."""

from dataclasses import replace

from aiohttp import web

from bot.sandbox.access import Granted, require_role, role_of
from bot.sandbox.actions.setup import create_repository, user_or_404
from bot.sandbox.archives import archive_address
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Collaborator, Json, Repository, User
from bot.sandbox.errors import forbidden, invalid, not_found
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
    before = call.repository
    texts = {"description": before.description, "default_branch": before.default_branch}
    texts |= {name: text for name, text in call.changes(*texts).items() if text is not None}
    branch = texts["default_branch"]
    if branch != before.default_branch and await call.forge.git(before).ref(f"refs/heads/{branch}") is None:
        raise invalid("Repository", "default_branch")
    changed = replace(
        before,
        description=texts["description"],
        default_branch=branch,
        private=call.flag("private", before.private),
        archived=call.flag("archived", before.archived),
        has_issues=call.flag("has_issues", before.has_issues),
    )
    call.forge.store.put(changed)
    return answer(repositories.full(call.forge, changed, call.actor))


@table.route("POST", "/user/repos")
async def create(call: Call) -> web.Response:
    """A new empty repository of the person."""
    name = f"{call.who.user.login}/{call.text('name')}"
    made = await create_repository(
        call.forge, name, private=call.flag("private"), description=call.optional("description") or ""
    )
    return answer(repositories.full(call.forge, made, call.actor), 201)


@table.route("GET", "/user/repos")
async def list_own(call: Call) -> web.Response:
    """The repositories in which the person has a role: their own, and those that they collaborate in."""
    if call.who.kind != "user":
        raise forbidden()
    store, user = call.forge.store, call.who.user
    invited = {each.repository_id for each in store.all(Collaborator) if each.user_id == user.id}
    found = [each for each in store.all(Repository) if each.owner == user.login or each.id in invited]
    visibility = call.request.query.get("visibility", "all")
    shown = [each for each in found if visibility in {"all", "private" if each.private else "public"}]
    return page(call, shown, lambda each: repositories.with_permissions(call.forge, each, user))


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


@table.route("GET", "/repos/{owner}/{repo}/collaborators", "metadata:read")
async def list_collaborators(call: Call) -> web.Response:
    """The owner and who has been given a role, for those who may write."""
    require_role(call.forge, call.who, call.repository, "write")
    store, owner = call.forge.store, repositories.owner(call.forge, call.repository)
    given = [each.user_id for each in store.all(Collaborator, call.repository.id)]
    people = [owner, *(call.forge.user(number) for number in given if number != owner.id)]
    return page(call, people, lambda each: _collaborator(call, each))


@table.route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata:read")
async def permission(call: Call) -> web.Response:
    """The role of a user, in GitHub's old and new words."""
    shape = _collaborator(call, user_or_404(call.forge, call.part("username")))
    role = shape["role_name"]
    old = {"triage": "read", "maintain": "write"}.get(role, role)
    return answer({"permission": old, "role_name": role, "user": shape})


@table.route("GET", "/repos/{owner}/{repo}/tarball/{ref}", "contents:read")
async def tarball(call: Call) -> web.Response:
    """Where the files of a commit are as a tar archive."""
    return await _archive(call, "tarball")


@table.route("GET", "/repos/{owner}/{repo}/zipball/{ref}", "contents:read")
async def zipball(call: Call) -> web.Response:
    """Where the files of a commit are as a zip archive."""
    return await _archive(call, "zipball")


def _collaborator(call: Call, user: User) -> Json:
    role = role_of(call.forge.store, call.repository, user)
    shape = {**accounts.user(call.forge, user), "email": user.email, "name": user.name}
    return shape | {"permissions": repositories.permissions(Granted(role)), "role_name": role}


async def _archive(call: Call, kind: str) -> web.Response:
    sha = await call.forge.git(call.repository).resolve(call.part("ref"))
    if sha is None:
        raise not_found()
    return web.Response(status=302, headers={"Location": archive_address(call.forge, call.repository, kind, sha)})
