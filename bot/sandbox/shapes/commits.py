"""Commits, files, trees and references in GitHub's JSON."""

import base64

from bot.sandbox.entities import Json, Repository, User
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.git import Change, Commit, Entry, Ref, Signature
from bot.sandbox.shapes.accounts import user
from bot.sandbox.shapes.repositories import address

KINDS = {"blob": "blobs", "tree": "trees", "commit": "commits", "tag": "tags"}


def signature(value: Signature) -> Json:
    """Who and when."""
    return {"name": value.name, "email": value.email, "date": value.date}


def account(forge: Forge, value: Signature) -> User | None:
    """The account whose address the commit carries."""
    return next((found for found in forge.store.all(User) if found.email == value.email), None)


def verification(value: Commit) -> Json:
    """Whether the commit counts as signed: those that GitHub itself commits do."""
    verified = value.committer.email == "noreply@github.com"
    signed = "-----BEGIN PGP SIGNATURE-----\n(sandbox)\n-----END PGP SIGNATURE-----" if verified else None
    return {
        "verified": verified,
        "reason": "valid" if verified else "unsigned",
        "signature": signed,
        "payload": value.message if verified else None,
        "verified_at": value.committer.date if verified else None,
    }


def git_commit(forge: Forge, repository: Repository, value: Commit) -> Json:
    """A `git-commit`."""
    return {
        "sha": value.oid,
        "node_id": node_id("C", repository.id, value.oid),
        "url": address(forge, repository, f"/git/commits/{value.oid}"),
        "html_url": forge.page(f"/{repository.full_name}/commit/{value.oid}"),
        "author": signature(value.author),
        "committer": signature(value.committer),
        "tree": {"sha": value.tree, "url": address(forge, repository, f"/git/trees/{value.tree}")},
        "message": value.message,
        "parents": _parents(forge, repository, value, "git/commits"),
        "verification": verification(value),
    }


def commit(forge: Forge, repository: Repository, value: Commit) -> Json:
    """A `commit` without its files."""
    author, committer = account(forge, value.author), account(forge, value.committer)
    url = address(forge, repository, f"/commits/{value.oid}")
    return {
        "sha": value.oid,
        "node_id": node_id("C", repository.id, value.oid),
        "commit": {
            "author": signature(value.author),
            "committer": signature(value.committer),
            "message": value.message,
            "tree": {"sha": value.tree, "url": address(forge, repository, f"/git/trees/{value.tree}")},
            "url": address(forge, repository, f"/git/commits/{value.oid}"),
            "comment_count": 0,
            "verification": verification(value),
        },
        "url": url,
        "html_url": forge.page(f"/{repository.full_name}/commit/{value.oid}"),
        "comments_url": f"{url}/comments",
        "author": user(forge, author) if author else None,
        "committer": user(forge, committer) if committer else None,
        "parents": _parents(forge, repository, value, "commits"),
    }


def simple_commit(value: Commit) -> Json:
    """A `simple-commit`, as check suites carry it."""
    author, committer = value.author, value.committer
    return {
        "id": value.oid,
        "tree_id": value.tree,
        "message": value.message,
        "timestamp": committer.date,
        "author": {"name": author.name, "email": author.email},
        "committer": {"name": committer.name, "email": committer.email},
    }


def change(forge: Forge, repository: Repository, sha: str, value: Change) -> Json:
    """A `diff-entry`: one changed file."""
    page = forge.page(f"/{repository.full_name}")
    shape = {
        "sha": None if value.status == "removed" else value.oid,
        "filename": value.path,
        "status": value.status,
        "additions": value.additions,
        "deletions": value.deletions,
        "changes": value.additions + value.deletions,
        "blob_url": f"{page}/blob/{sha}/{value.path}".replace(" ", "%20"),
        "raw_url": f"{page}/raw/{sha}/{value.path}".replace(" ", "%20"),
        "contents_url": address(forge, repository, f"/contents/{value.path}?ref={sha}").replace(" ", "%20"),
    }
    optional = {"patch": value.patch, "previous_filename": value.previous}
    return {**shape, **{name: text for name, text in optional.items() if text is not None}}


def content(forge: Forge, repository: Repository, ref: str, entry: Entry, data: bytes | None = None) -> Json:
    """An entry of a directory, or with its data a `content-file`."""
    kind = {"blob": "symlink" if entry.mode == "120000" else "file", "tree": "dir"}.get(entry.kind, "submodule")
    url = address(forge, repository, f"/contents/{entry.path}?ref={ref}").replace(" ", "%20")
    objects = address(forge, repository, f"/git/{KINDS[entry.kind]}/{entry.oid}")
    page = forge.page(f"/{repository.full_name}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{entry.path}")
    raw = forge.page(f"/{repository.full_name}/raw/{ref}/{entry.path}").replace(" ", "%20")
    page = page.replace(" ", "%20")
    shape = {
        "type": kind,
        "size": entry.size or 0,
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.oid,
        "url": url,
        "git_url": objects,
        "html_url": page,
        "download_url": None if kind == "dir" else raw,
        "_links": {"self": url, "git": objects, "html": page},
    }
    if data is None:
        return shape
    return {**shape, "content": base64.encodebytes(data).decode(), "encoding": "base64"}


def reference(forge: Forge, repository: Repository, value: Ref) -> Json:
    """A `git-ref`."""
    return {
        "ref": value.name,
        "node_id": node_id("REF", repository.id, value.name),
        "url": address(forge, repository, f"/git/{value.name}"),
        "object": {
            "sha": value.oid,
            "type": value.kind,
            "url": address(forge, repository, f"/git/{KINDS[value.kind]}/{value.oid}"),
        },
    }


def branch(forge: Forge, repository: Repository, value: Ref) -> Json:
    """A `short-branch`."""
    return {
        "name": value.name.removeprefix("refs/heads/"),
        "commit": {"sha": value.commit, "url": address(forge, repository, f"/commits/{value.commit}")},
        "protected": False,
    }


def _parents(forge: Forge, repository: Repository, value: Commit, kind: str) -> list[Json]:
    return [
        {
            "sha": parent,
            "url": address(forge, repository, f"/{kind}/{parent}"),
            "html_url": forge.page(f"/{repository.full_name}/commit/{parent}"),
        }
        for parent in value.parents
    ]
