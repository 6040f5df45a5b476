"""Writing to bare git repositories without a working copy: blobs, trees, commits, references, merges."""

import asyncio
import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.git import ENVIRONMENT, Git, GitError, Signature

ZERO = "0" * 40


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path to set, or with oid None to remove."""

    path: str
    oid: str | None
    mode: str = "100644"


class Stale(GitError):
    """The reference was not where the writer expected it."""


class Unmergeable(GitError):
    """The two sides change the same lines."""


async def create_bare(path: Path, default_branch: str) -> Git:
    """A new empty bare repository that serves smart HTTP pushes."""
    await asyncio.to_thread(path.mkdir, parents=True)
    git = Git(path)
    await git.run("init", "--quiet", "--bare", f"--initial-branch={default_branch}", env={"GIT_DIR": str(path)})
    for name, value in (
        ("http.receivepack", "true"),
        ("core.hooksPath", os.devnull),
        ("gc.auto", "0"),
        ("receive.denyDeleteCurrent", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
    ):
        await git.run("config", name, value)
    return git


async def write_blob(git: Git, content: bytes) -> str:
    """The id of the stored blob."""
    return (await git.run("hash-object", "-w", "--stdin", data=content)).decode().strip()


async def write_tree(git: Git, base: str | None, changes: list[TreeChange]) -> str:
    """The id of the base tree with the changes; raises GitError for a path that git refuses."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        await git.run("read-tree", base or "--empty", env=env)
        lines = []
        for change in changes:
            _check_path(change.path)
            mode, oid = (change.mode, change.oid) if change.oid else ("0", ZERO)
            lines.append(f"{mode} {oid}\t{change.path}\0")
        await git.run("update-index", "--add", "-z", "--index-info", data="".join(lines).encode(), env=env)
        return (await git.run("write-tree", env=env)).decode().strip()


async def write_commit(
    git: Git, tree: str, parents: list[str], message: str, author: Signature, committer: Signature
) -> str:
    """The id of the stored commit."""
    env = {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": author.date,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
        "GIT_COMMITTER_DATE": committer.date,
    }
    options = [part for parent in parents for part in ("-p", parent)]
    out = await git.run("commit-tree", tree, *options, "-F", "-", data=message.encode(), env=env)
    return out.decode().strip()


async def write_tag(git: Git, name: str, target: str, kind: str, message: str, tagger: Signature) -> str:
    """The id of the stored annotated tag object."""
    stamp = (await git.run("var", "GIT_COMMITTER_IDENT", env=_committer(tagger))).decode().strip()
    body = f"object {target}\ntype {kind}\ntag {name}\ntagger {stamp}\n\n{message}\n"
    return (await git.run("mktag", data=body.encode())).decode().strip()


async def update_ref(git: Git, name: str, new: str, old: str | None = None) -> None:
    """Move a reference if it is still at `old` (ZERO: does not exist); raises Stale if it is elsewhere."""
    try:
        await git.run("update-ref", "--", name, new, *([old] if old is not None else []))
    except GitError as error:
        if "cannot lock ref" in str(error) or "is at" in str(error):
            raise Stale(str(error)) from error
        raise


async def valid_ref(git: Git, name: str) -> bool:
    """Whether git accepts the full reference name."""
    with contextlib.suppress(GitError):
        await git.run("check-ref-format", name)
        return True
    return False


async def merge_trees(git: Git, base: str, head: str) -> str:
    """The tree of head merged into base; raises Unmergeable naming the conflict."""
    try:
        out = await git.run("merge-tree", "--write-tree", "--allow-unrelated-histories", base, head)
    except GitError as error:
        raise Unmergeable(str(error)) from error
    return out.decode().split("\n", 1)[0]


async def replay(git: Git, commits: list[str], onto: str, committer: Signature) -> str:
    """The tip of the commits (oldest first) applied one by one on `onto`; raises Unmergeable."""
    for oid in commits:
        commit = await git.commit(oid)
        if commit is None or len(commit.parents) != 1:
            raise Unmergeable("merge commits cannot be rebased")
        # merge-tree takes the merge base from the history, so the tip is given the commit's own parent for a moment
        tip_tree = await git.text("rev-parse", f"{onto}^{{tree}}")
        stand_in = await write_commit(git, tip_tree, [commit.parents[0]], "tip", committer, committer)
        tree = await merge_trees(git, stand_in, oid)
        onto = await write_commit(git, tree, [onto], commit.message, commit.author, committer)
    return onto


async def import_repository(git: Git, source: Path, branch: str, revision: str) -> None:
    """Fetch a revision of another local repository as the branch, without its hooks or configuration."""
    await git.run("fetch", "--quiet", "--no-tags", str(source), f"{revision}:refs/heads/{branch}", env=ENVIRONMENT)


def _committer(who: Signature) -> dict[str, str]:
    return {"GIT_COMMITTER_NAME": who.name, "GIT_COMMITTER_EMAIL": who.email, "GIT_COMMITTER_DATE": who.date}


def _check_path(path: str) -> None:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise GitError(f"the path {path!r} is malformed")
