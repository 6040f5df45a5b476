"""The four MNIST files: what they must be, and how they become arrays."""

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import StageError

Bytes = NDArray[np.uint8]

CANONICAL = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""File name → sha256 of the canonical MNIST files."""

IMAGES_MAGIC, LABELS_MAGIC = 0x00000803, 0x00000801


@dataclass(frozen=True, slots=True)
class Examples:
    """Images `uint8 [n, 28, 28]` and their labels `uint8 [n]`, 0–9."""

    images: Bytes
    labels: Bytes

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a training may see: the fixed split of the training set, and the hash of all four files."""

    train: Examples
    validation: Examples
    sha256: str


def load_training(folder: Path, validation_share: float) -> TrainingData:
    """The training set, its last part split off for validation; raises StageError naming the file that is wrong."""
    examples = _load(folder, "train")
    held_out = max(1, round(len(examples) * validation_share))
    cut = len(examples) - held_out
    return TrainingData(
        train=Examples(examples.images[:cut], examples.labels[:cut]),
        validation=Examples(examples.images[cut:], examples.labels[cut:]),
        sha256=fingerprint(folder),
    )


def load_test(folder: Path) -> Examples:
    """The test set; raises StageError naming the file that is wrong."""
    return _load(folder, "t10k")


def fingerprint(folder: Path) -> str:
    """The sha256 over the names and sha256 of the four files, in order of name."""
    lines = (f"{digest(_read(folder / name))}  {name}\n" for name in sorted(CANONICAL))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest(content: bytes) -> str:
    """The sha256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def typical(examples: Examples) -> Examples:
    """For each digit that occurs, the image nearest to that digit's mean image: chosen without asking any model."""
    chosen = []
    for digit in np.unique(examples.labels):
        (where,) = np.nonzero(examples.labels == digit)
        images = examples.images[where].astype(np.float64)
        distances = ((images - images.mean(axis=0)) ** 2).sum(axis=(1, 2))
        chosen.append(where[distances.argmin()])
    return Examples(examples.images[chosen], examples.labels[chosen])


def describe(examples: Examples) -> dict[str, object]:
    """What the service compares its visitors' images with: the shares of ten ranges of mean grey, and of the digits.

    An image belongs to the range after the last edge that is not greater than its mean grey 0–255.
    """
    brightness = examples.images.mean(axis=(1, 2))
    edges = np.quantile(brightness, np.arange(1, 10) / 10).round(3)
    ranges = np.bincount(np.searchsorted(edges, brightness, side="right"), minlength=10)
    digits = np.bincount(examples.labels, minlength=10)
    return {
        "brightness": {"edges": edges.tolist(), "shares": (ranges / len(examples)).round(6).tolist()},
        "digits": (digits / len(examples)).round(6).tolist(),
    }


def _load(folder: Path, part: str) -> Examples:
    images = _decode(folder / f"{part}-images-idx3-ubyte.gz", IMAGES_MAGIC)
    labels = _decode(folder / f"{part}-labels-idx1-ubyte.gz", LABELS_MAGIC)
    if images.shape[1:] != (28, 28):
        raise StageError(f"The images in {folder} ({part}) are {images.shape[1:]}, not 28×28.")
    if len(images) != len(labels) or not len(labels):
        raise StageError(f"{folder} has {len(images)} images but {len(labels)} labels ({part}).")
    if labels.max() > 9:
        raise StageError(f"A label in {folder} ({part}) is {labels.max()}, not a digit 0–9.")
    return Examples(images, labels)


def _decode(path: Path, magic: int) -> Bytes:
    """One IDX file (big-endian magic, one size for each dimension, then bytes), as an array."""
    try:
        content = gzip.decompress(_read(path))
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise StageError(f"{path} is damaged ({problem}): run `python -m training.download`.") from problem
    dimensions = magic & 0xFF
    size = 4 * (1 + dimensions)
    if len(content) < size or int.from_bytes(content[:4]) != magic:
        raise StageError(f"{path} is not an IDX file of this kind: run `python -m training.download`.")
    shape = tuple(np.frombuffer(content[4:size], dtype=">u4").tolist())
    values = np.frombuffer(content, dtype=np.uint8, offset=size)
    if values.size != math.prod(shape):
        raise StageError(f"{path} says {shape} but holds {values.size} bytes: run `python -m training.download`.")
    return values.reshape(shape)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise StageError(
            f"Cannot read {path} ({problem.strerror}): set DATA_DIR or run `python -m training.download`."
        ) from problem
