#!/usr/bin/env python3
"""Before and after the stages in a pod: fetch the source, the packages and known models; keep the model that passed.

The text of this file is the script of Tekton's tasks: it knows the standard library only, and is told all by variables.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]*\])?")
VERSION = re.compile(r"==[A-Za-z0-9.!+_-]+")
INSIDE = "REQUIREMENTS_SHA256"
"""What the image says of the packages that are in it."""
HASH = re.compile(r"sha256:[0-9a-f]{64}")


class PodError(Exception):
    """What this pod was told cannot be done; one sentence."""


def fetch(environ: dict[str, str], source: Path, model: Path) -> None:
    """Lay out `tree`, `packages` and, where there is one, `production` in the source folder, and the known model."""
    tree, inputs = source / "tree", tuple(json.loads(environ["INPUTS"]))
    unpack(environ["SOURCE_URL"], tree, (*inputs, "Pipfile.lock") if inputs else ())
    for name, folder in (("KNOWN_URL", model), ("PRODUCTION_URL", source / "production")):
        if environ.get(name):
            unpack(environ[name], folder, ())
    lines = requirements(json.loads((tree / "Pipfile.lock").read_text()), json.loads(environ["CATEGORIES"]))
    print(f"{environ['COMMIT']}: {len(lines)} packages", flush=True)
    (source / "packages").mkdir(exist_ok=True)
    if packages_inside(lines, environ):
        print("They are in the image.", flush=True)
    elif lines:
        install(lines, environ["INDEX_URL"], source / "packages")


def unpack(url: str, folder: Path, inputs: tuple[str, ...]) -> None:
    """The files of a tar that the inputs cover; none: all. A folder around them, as GitHub makes it, is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as file:
        ask(url, file)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            members = archive.getmembers()
            names = [member.name.removeprefix("./") for member in members if member.name not in ("", ".")]
            tops = {name.split("/")[0] for name in names}
            around = f"{tops.pop()}/" if len(tops) == 1 and any("/" in name for name in names) else ""
            for member in members:
                name = member.name.removeprefix("./").removeprefix(around)
                if member.isdir() or not covered(name, inputs):
                    continue
                extract(archive, member, folder.resolve(), name)


def extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, name: str) -> None:
    """Write a file or link; raises PodError for what leads out of the folder, and for what is neither."""
    # tarfile's own filter would do this, but is missing from the first releases of Python 3.11.
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.parent / member.linkname if member.issym() else path
    if not path.parent.resolve().is_relative_to(folder) or not target.resolve().is_relative_to(folder):
        raise PodError(f"{name!r} leads out of the archive.")
    content = None if member.issym() else archive.extractfile(member)
    if member.issym():
        path.symlink_to(member.linkname)
    elif content is None:
        raise PodError(f"{name!r} is neither a file nor a link.")
    else:
        path.write_bytes(content.read())
        path.chmod(0o755 if member.mode & 0o100 else 0o644)


def covered(name: str, inputs: tuple[str, ...]) -> bool:
    """Whether a path is one of the inputs or lies below one."""
    wanted = [part.strip("/").removeprefix("./") for part in inputs]
    return not wanted or any(part in ("", ".") or name == part or name.startswith(f"{part}/") for part in wanted)


def ask(url: str, into: Any = None, content: bytes | None = None) -> None:
    """GET a URL into a file, or PUT content to it; raises PodError without the URL's query, which is a key."""
    if not url.startswith(("https://", "http://")):
        raise PodError("A source is no https URL.")
    request = urllib.request.Request(url, content, method="PUT" if content is not None else "GET")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            while chunk := answer.read(1 << 20):
                if into:
                    into.write(chunk)
    except OSError as problem:
        raise PodError(f"{request.get_method()} {url.partition('?')[0]} failed: {problem}.") from None


def requirements(lock: dict[str, Any], categories: list[str]) -> list[str]:
    """The hashed requirements of categories of a Pipfile.lock; raises PodError for what is no pinned package."""
    sections = {"packages": "default", "dev-packages": "develop"}
    lines = {}
    for category in categories:
        for name, entry in lock.get(sections.get(category, category), {}).items():
            wanted = f"{name}[{','.join(entry.get('extras', ()))}]" if entry.get("extras") else name
            pin, hashes = entry.get("version", "*"), entry.get("hashes", [])
            if pin == "*":
                continue
            if not (
                PACKAGE.fullmatch(wanted) and VERSION.fullmatch(pin) and hashes and all(map(HASH.fullmatch, hashes))
            ):
                raise PodError(f"Pipfile.lock does not pin {name!r} by version and sha256; lock again.")
            marker = f" ; {entry['markers']}" if entry.get("markers") else ""
            lines[name] = " ".join([f"{wanted}{pin}{marker}", *(f"--hash={one}" for one in hashes)])
            if "\n" in lines[name]:
                raise PodError(f"Pipfile.lock has a line break at {name!r}; lock again.")
    return [lines[name] for name in sorted(lines)]


def packages_inside(lines: list[str], environ: dict[str, str]) -> bool:
    """Whether the image that this runs in says that it has the packages of just these requirements."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest() == environ.get(INSIDE)


def install(lines: list[str], index: str, packages: Path) -> None:
    """Install wheels with these hashes; raises PodError."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        command = [sys.executable, "-m", "pip", "install", "--isolated", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
        command += ["--index-url", index, "--target", str(packages), "--requirement", file.name]
        if subprocess.run(command, check=False).returncode:
            raise PodError("The packages of Pipfile.lock cannot be installed; the lines above say why.")


def keep(environ: dict[str, str], model: Path) -> None:
    """Send the model's files as a tar."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(file.name, "w") as archive:
            for path in sorted(model.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    archive.add(path, path.relative_to(model).as_posix())
        ask(environ["MODEL_URL"], content=Path(file.name).read_bytes())


def main() -> None:
    """Do what ACTION says."""
    environ = dict(os.environ)
    root = Path(environ.get("WORKSPACES", "/workspace"))
    try:
        if environ["ACTION"] == "fetch":
            fetch(environ, root / "source", root / "model")
        else:
            keep(environ, root / "model")
    except (PodError, KeyError, ValueError, tarfile.TarError, OSError) as problem:
        sys.exit(f"{type(problem).__name__}: {problem}" if not isinstance(problem, PodError) else str(problem))


if __name__ == "__main__":
    main()
