"""Bare git repositories: reading objects, histories and differences."""

import asyncio
import errno
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
}
"""All that a git process of the sandbox sees; nothing is inherited."""


class GitError(Exception):
    """git said no; the message is what it wrote."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who made a commit and when."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True)
class GitObject:
    """One object as git stores it."""

    oid: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """A parsed commit."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a tree."""

    mode: str
    kind: str
    oid: str
    size: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A full reference name, the object it names, and the commit behind an annotated tag."""

    name: str
    oid: str
    kind: str
    commit: str


@dataclass(frozen=True, slots=True)
class Change:
    """A changed file between two commits."""

    path: str
    previous: str | None
    status: str
    additions: int
    deletions: int
    oid: str
    patch: str | None


class Git:
    """One bare repository, read and written by short git processes with an empty environment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def run(self, *arguments: str, data: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """The standard output of `git ARGUMENTS`; raises GitError with what git wrote when it fails."""
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=self.path,
                env={**ENVIRONMENT, "GIT_DIR": str(self.path), **(env or {})},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except ValueError as error:  # a NUL can stand in no argument
            raise GitError("a name holds a NUL character") from error
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            raise GitError("a name is too long") from error
        out, err = await process.communicate(data)
        if process.returncode:
            raise GitError(err.decode(errors="replace").strip() or out.decode(errors="replace").strip())
        return out

    async def text(self, *arguments: str) -> str:
        """The standard output as stripped text."""
        return (await self.run(*arguments)).decode(errors="replace").strip()

    async def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or SHA names, or None."""
        if not _plain(revision):
            return None
        try:
            return await self.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitError:
            return None

    async def objects(self, expressions: list[str]) -> list[GitObject | None]:
        """The objects that the expressions (`SHA`, `REV:PATH`) name, None for each that names nothing."""
        if not expressions:
            return []
        asked = [text if _plain(text) and not _relative(text) else "-" for text in expressions]
        out = await self.run("cat-file", "--batch", data="".join(f"{text}\n" for text in asked).encode())
        found: list[GitObject | None] = []
        at = 0
        while at < len(out):
            end = out.index(b"\n", at)
            header = out[at:end].decode(errors="replace")
            at = end + 1
            oid, _, rest = header.partition(" ")
            kind, _, size = rest.partition(" ")
            if len(oid) != 40 or not size.isdecimal() or kind not in {"blob", "tree", "commit", "tag"}:
                found.append(None)
                continue
            found.append(GitObject(oid, kind, out[at : at + int(size)]))
            at += int(size) + 1
        return found

    async def object(self, expression: str) -> GitObject | None:
        """The object that one expression names, or None."""
        return (await self.objects([expression]))[0]

    async def commit(self, revision: str) -> Commit | None:
        """The commit that a revision names, or None."""
        found = await self.object(f"{revision}^{{commit}}")
        return parse_commit(found) if found else None

    async def history(self, *revisions: str, limit: int = -1, skip: int = 0, path: str = "") -> list[Commit]:
        """Commits reachable from the revisions (`A`, `^B`), newest first, only those touching the path if given."""
        paths = ["--", f":(literal){path}"] if path else ["--"]
        listed = await self.text("rev-list", f"--max-count={limit}", f"--skip={skip}", *revisions, *paths)
        objects = await self.objects(listed.split())
        return [parse_commit(found) for found in objects if found]

    async def tree(self, treeish: str, *, recursive: bool = False) -> list[Entry]:
        """The entries of a tree, with paths relative to it; recursive lists trees and what is in them."""
        options = ["-r", "-t"] if recursive else []
        out = await self.run("ls-tree", "-z", "-l", *options, "--end-of-options", treeish)
        return [_entry(line) for line in out.decode(errors="replace").split("\0") if line]

    async def refs(self, prefix: str) -> list[Ref]:
        """The references whose names start with the prefix (whole path parts, or `refs/heads/`)."""
        form = "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)"
        lines = (await self.text("for-each-ref", form)).splitlines()
        refs = [Ref(name, oid, kind, peeled or oid) for name, oid, kind, peeled in (x.split("\0") for x in lines)]
        return [ref for ref in refs if ref.name.startswith(prefix)]

    async def ref(self, name: str) -> Ref | None:
        """The reference of exactly that full name, or None."""
        return next((ref for ref in await self.refs(name) if ref.name == name), None)

    async def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor, or None for unrelated histories."""
        try:
            return await self.text("merge-base", one, other)
        except GitError:
            return None

    async def is_ancestor(self, one: str, other: str) -> bool:
        """Whether the first commit is reachable from the second."""
        return await self.merge_base(one, other) == one

    async def count(self, *revisions: str) -> int:
        """How many commits are reachable from the revisions."""
        return int(await self.text("rev-list", "--count", *revisions))

    async def changes(self, base: str, head: str) -> list[Change]:
        """The files that differ between two commits or trees, each with its patch."""
        options = ("-M", "--no-color", "--no-ext-diff", "--no-textconv", base, head)
        raw = (await self.run("diff", "--raw", "--abbrev=40", "-z", *options)).decode(errors="replace")
        numbers = (await self.run("diff", "--numstat", "-z", *options)).decode(errors="replace")
        patch = (await self.run("diff", "-p", *options)).decode(errors="replace")
        return _changes(raw.split("\0"), numbers.split("\0"), _patches(patch))


def _plain(text: str) -> bool:
    return bool(text) and not any(character in text for character in "\n\r\0") and not text.startswith("-")


def _relative(expression: str) -> bool:
    # For git such a path starts at a working copy, and without one the process ends.
    return expression.partition(":")[2].startswith(("./", "../"))


def _entry(line: str) -> Entry:
    facts, _, path = line.partition("\t")
    mode, kind, oid, size = facts.split()
    return Entry(mode, kind, oid, None if size == "-" else int(size), path)


def _signature(line: str) -> Signature:
    name, _, rest = line.partition(" <")
    email, _, when = rest.rpartition("> ")
    seconds = int(when.split()[0])
    return Signature(name, email, datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def parse_commit(found: GitObject) -> Commit:
    """The commit that a commit object says."""
    head, _, message = found.content.decode(errors="replace").partition("\n\n")
    fields = [line.partition(" ") for line in head.split("\n")]
    values = {name: value for name, _, value in reversed(fields) if name in {"tree", "author", "committer"}}
    parents = tuple(value for name, _, value in fields if name == "parent")
    author, committer = _signature(values["author"]), _signature(values["committer"])
    return Commit(found.oid, values["tree"], parents, author, committer, message.rstrip("\n"))


def _changes(raw: list[str], numbers: list[str], patches: list[str | None]) -> list[Change]:
    names = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed", "C": "copied"}
    changes: list[Change] = []
    at = counted = 0
    while raw[at].startswith(":"):
        _, _, _, oid, letter = raw[at].split()
        moved = letter[0] in "RC"
        previous, path = (raw[at + 1], raw[at + 2]) if moved else (None, raw[at + 1])
        added, removed, _ = numbers[counted].split("\t")
        at, counted = at + (3 if moved else 2), counted + (3 if moved else 1)
        changes.append(
            Change(path, previous, names[letter[0]], _count(added), _count(removed), oid, patches[len(changes)])
        )
    return changes


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 0  # "-" for binary files


def _patches(text: str) -> list[str | None]:
    parts = ("\n" + text).split("\ndiff --git ")[1:]
    return [part[part.index("\n@@ ") + 1 :] if "\n@@ " in part else None for part in parts]
