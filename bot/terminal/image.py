"""`python -m bot image`: the image of Bolide itself, or of a folder's training, built here and pushed to a registry."""

import asyncio
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.buildah import Buildah
from bot.adapters.checkout import GITHUB
from bot.adapters.environments import Environments, InstallFailed, own_uv
from bot.core import lockfile, repoconfig
from bot.core.errors import Refused, TryLater
from bot.core.image import ImageSpec, Origin, require_base, require_repository, training_spec
from bot.pipelines import files
from bot.pipelines.course import sha256_text
from bot.pipelines.image import Parts, Pushed, publish, write_record
from bot.pipelines.papers import Papers
from bot.settings import allowed_hosts


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in an image: the packages of these categories, and the files of these paths."""

    categories: tuple[str, ...]
    inputs: tuple[str, ...]
    requirements: str
    spec: ImageSpec


def main(given: Namespace, environ: Mapping[str, str]) -> int:
    """Print the image's name by digest; exit status 1 where it cannot be made, told in one sentence."""
    try:
        print(_make(given, environ).name)
    except (Refused, TryLater, InstallFailed, files.UnsoundTree, ValueError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _make(given: Namespace, environ: Mapping[str, str]) -> Pushed:
    repository, folder = require_repository(given.repository), given.path.resolve()
    lock, base = _text(folder / "Pipfile.lock"), require_base(given.base or environ.get("BOLIDE_BASE_IMAGE", ""))
    inside = _contents(given.what, folder, lock, base)
    checkout, source = _checkout(folder), files.digest(folder, inside.inputs)
    digest = asyncio.run(_publish(inside, folder, lock, repository, given.tag or source[:16], environ))
    # A commit is claimed only where the files were those of one all the time.
    name, commit = checkout if checkout == _checkout(folder) else (folder.name, "")
    pushed = Pushed(repository, digest, commit, None)
    if given.record:
        sums = (sha256_text(lock), sha256_text(inside.requirements), source)
        origin = Origin(name, commit, *sums, None, None, None, base)
        write_record(given.record, pushed, Papers(origin, lock, inside.categories, datetime.now(UTC)))
    return pushed


def _contents(what: str, folder: Path, lock: str, base: str) -> Contents:
    if what == "bot":
        categories, inputs = ("bot",), ("bot",)
        wanted = lockfile.requirements(lockfile.parse(lock), categories)
        return Contents(categories, inputs, wanted, ImageSpec(base, ("python3", "-m", "bot"), {}))
    training = repoconfig.parse(_text(folder / repoconfig.PATH)).recipe.training
    if training is None:
        raise Refused(f"{repoconfig.PATH} has no `training`, so there is nothing to make an image of.")
    if not training.inputs:
        raise Refused(
            "`training.inputs` names no paths; without them the image would hold all that lies in the folder."
        )
    wanted = lockfile.requirements(lockfile.parse(lock), training.categories)
    return Contents(training.categories, training.inputs, wanted, training_spec(base, sha256_text(wanted)))


async def _publish(
    inside: Contents, folder: Path, lock: str, repository: str, tag: str, environ: Mapping[str, str]
) -> str:
    """The digest under which the registry has the image."""
    state = Path(environ.get("BOLIDE_STATE_DIR") or ".bolide")
    hosts = allowed_hosts(environ.get("BOLIDE_ALLOWED_HOSTS", ""))
    index = environ.get("BOLIDE_INDEX_URL") or "https://pypi.org/simple"
    environments = Environments(
        state / "environments", uv=own_uv(), python=Path(sys.executable), index_url=index, allowed_hosts=hosts
    )
    installed = await environments.install(
        inside.requirements, lockfile.indexes(lockfile.parse(lock), inside.categories)
    )
    password = environ.get("BOLIDE_REGISTRY_AUTH_FILE", "")
    images = Buildah(state / "buildah", Path(password) if password else None, hosts)
    with tempfile.TemporaryDirectory(prefix="image-", dir=state) as scratch:
        parts = Parts(inside.spec, installed.path, folder, inside.inputs)
        return await publish(images, parts, Path(scratch) / "context", repository, tag)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError) as problem:
        raise Refused(f"{path} cannot be read: {problem}.") from problem


def _checkout(folder: Path) -> tuple[str, str]:
    """The repository on GitHub and the commit that the files are of; no commit where there is none, or changes."""

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head, remote = git("rev-parse", "HEAD"), GITHUB.fullmatch(git("remote", "get-url", "origin") or "")
    if head and remote and git("status", "--porcelain") == "":
        return remote["name"], head
    return folder.name, ""
