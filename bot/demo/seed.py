"""The demo's repository: the files of this checkout, with a lock as it would have been made some months ago."""

import asyncio
import gzip
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core import pipfile, repoconfig
from bot.core.candidates import aged
from bot.core.packages import Index, ResolveRequest
from bot.core.pipfile import Pipfile
from bot.wiring import packages

AGE = timedelta(days=180)
LEFT_OUT = {".demo", ".venv", ".git", ".bolide", "demo-report.json"}
_IMAGE = 28 * 28


@dataclass(frozen=True, slots=True)
class Digit:
    """A test image, 28 rows of 28 grey values from 0 to 255, and what it shows."""

    image: list[list[int]]
    label: int


def checkout_files(root: Path) -> dict[str, bytes]:
    """The files that git tracks at the root, or all of them where it is no checkout."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    kept = [path for path in paths if path.parts[0] not in LEFT_OUT and "__pycache__" not in path.parts]
    return {path.as_posix(): (root / path).read_bytes() for path in kept if (root / path).is_file()}


async def aged_lock(files: dict[str, bytes], cache: Path) -> tuple[str, datetime]:
    """The lock that the real index gives when every file younger than AGE is left out, and the date of that.

    What the Pipfile asks for and was not there yet on that day comes as it is now.
    """
    day = (datetime.now(UTC) - AGE).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = pipfile.parse(files["Pipfile"].decode())
    python = repoconfig.parse(files[repoconfig.PATH].decode()).python
    async with packages.open_packages(cache) as found:
        young = frozenset(await _younger(wanted, found.index, day))
        resolution = await found.resolver.resolve(ResolveRequest(wanted, None, python, cutoff=day, exempt=young))
    return resolution.lock_text, day


async def _younger(wanted: Pipfile, index: Index, day: datetime) -> list[str]:
    """The packages of the Pipfile of which no release that it admits was there on the day."""
    asked = [requirement for table in wanted.categories.values() for requirement in table.values()]
    pages = await asyncio.gather(*(index.project(one.name, wanted.source_of(one.key).url) for one in asked))
    return [
        requirement.key
        for requirement, page in zip(asked, pages, strict=True)
        if not any(aged(page.release(version), day) for version in page.releases if requirement.admits(version))
    ]


def test_digit(files: dict[str, bytes], position: int) -> Digit:
    """An image of the MNIST test set, which no training has seen."""
    images = gzip.decompress(files["training/data/t10k-images-idx3-ubyte.gz"])[16:]
    labels = gzip.decompress(files["training/data/t10k-labels-idx1-ubyte.gz"])[8:]
    pixels = images[position * _IMAGE : (position + 1) * _IMAGE]
    return Digit([list(pixels[row * 28 : (row + 1) * 28]) for row in range(28)], labels[position])
