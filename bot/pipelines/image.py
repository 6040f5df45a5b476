"""Images made: from a folder that is equal for equal inputs, with the record of what is in them."""

import asyncio
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from bot.core.image import PUBLIC_KEY, ImageSpec, containerfile
from bot.pipelines import files
from bot.pipelines.papers import Papers

_ELF = b"\x7fELF"
_MADE_HERE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
"""Parts of a package's metadata that tell of the place and the tool of its installation."""


class Images(Protocol):
    """Builds images and pushes them. Raises what is `Explained`, or TryLater."""

    async def build(self, context: Path, containerfile: str) -> str:
        """The id of the image that the file makes of the folder."""
        ...

    async def push(self, image: str, repository: str, tag: str) -> str:
        """The digest (`sha256:…`) under which the registry has it."""
        ...

    async def remove(self, image: str) -> None:
        """Its storage here is free again."""
        ...


@dataclass(frozen=True, slots=True)
class Yard:
    """What images are built with: the builder, the base by digest, and the command's Python."""

    images: Images
    base: str
    python: str = "python3"


@dataclass(frozen=True, slots=True)
class Parts:
    """What is in an image: an environment's packages, the files of a tree that the inputs cover, maybe a model.

    A model that is signed has the file of the public key beside it.
    """

    spec: ImageSpec
    packages: Path
    tree: Path
    inputs: tuple[str, ...]
    model: Path | None = None
    public_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry, and the commit that it was made from."""

    repository: str
    digest: str
    commit: str
    model: str | None

    @property
    def name(self) -> str:
        """Its name by digest."""
        return f"{self.repository}@{self.digest}"


async def publish(images: Images, parts: Parts, context: Path, repository: str, tag: str) -> str:
    """The digest under which the registry has the image of these parts, which are laid out in the folder `context`.

    Raises what `images` raises, and files.UnsoundTree.
    """
    await asyncio.to_thread(stage, context, parts)
    built = await images.build(context, containerfile(parts.spec))
    try:
        return await images.push(built, repository, tag)
    finally:
        await images.remove(built)


def write_record(folder: Path, pushed: Pushed, papers: Papers) -> None:
    """Write the image's name and its papers."""
    folder.mkdir(parents=True)
    papers.write(folder, pushed.repository, pushed.digest)
    (folder / "image.json").write_text(json.dumps(asdict(pushed)))


def read_record(folder: Path) -> Pushed:
    """The image that a record is of."""
    return Pushed(**json.loads((folder / "image.json").read_text()))


def stage(context: Path, parts: Parts) -> None:
    """Lay out `packages/`, `source/` and, for a service with a model, `model/` and its key; raises files.UnsoundTree.

    The packages are an environment's folder; programs that are no scripts come to `packages/bin`. What its installation
    left behind, bytecode and scripts with the path of its interpreter among it, stays out; modes are 0644 and 0755.
    """
    for installed in sorted(parts.packages.glob("lib/python3*/site-packages")):
        files.copy(installed, context / "packages")
    _copy_programs(parts.packages / "bin", context / "packages" / "bin")
    for metadata in (context / "packages").glob("*.dist-info"):
        for name in _MADE_HERE:
            (metadata / name).unlink(missing_ok=True)
    for leftover in ("_virtualenv.py", "_virtualenv.pth", "distutils-precedence.pth"):
        (context / "packages" / leftover).unlink(missing_ok=True)
    files.copy(parts.tree, context / "source", parts.inputs)
    if parts.model:
        files.copy(parts.model, context / "model", links=False)
    if parts.public_key:
        shutil.copy(parts.public_key, context / PUBLIC_KEY)
    _settle_modes(context)


def _copy_programs(programs: Path, target: Path) -> None:
    for program in sorted(programs.glob("*")):
        if program.is_symlink() or not program.is_file():
            continue
        with program.open("rb") as file:
            native = file.read(len(_ELF)) == _ELF
        if native:
            target.mkdir(exist_ok=True)
            shutil.copy2(program, target / program.name)


def _settle_modes(context: Path) -> None:
    for path in (context, *context.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
