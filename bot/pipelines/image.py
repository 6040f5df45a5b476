"""The folder that an image is built from: equal for equal inputs, wherever the packages were installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.pipelines import files

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


def stage(context: Path, *, packages: Path, tree: Path, inputs: Sequence[str], model: Path | None) -> None:
    """Lay out `packages/`, `source/` and, for a service with a model, `model/`; raises files.UnsoundTree.

    `packages` is an environment's folder. What its installation left behind, bytecode and scripts with the path of
    its interpreter among it, stays out; modes are 0644 and 0755.
    """
    for installed in sorted(packages.glob("lib/python3*/site-packages")):
        files.copy(installed, context / "packages")
    for metadata in (context / "packages").glob("*.dist-info"):
        for name in _MADE_HERE:
            (metadata / name).unlink(missing_ok=True)
    for leftover in ("_virtualenv.py", "_virtualenv.pth", "distutils-precedence.pth"):
        (context / "packages" / leftover).unlink(missing_ok=True)
    files.copy(tree, context / "source", inputs)
    if model:
        files.copy(model, context / "model", links=False)
    _settle_modes(context)


def _settle_modes(context: Path) -> None:
    for path in (context, *context.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
