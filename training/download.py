"""`python -m training.download`: puts the four MNIST files where the training reads them, and verifies each."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.card import write_file
from training.config import HERE
from training.data import CANONICAL, digest
from training.errors import StageError, exit_status
from training.sources import Address, Bucket, Folder, Source


def download(source: Source, target: Path) -> None:
    """Makes each file in the target the canonical one, and leaves those that are; raises StageError naming a file."""
    for name, sha256 in CANONICAL.items():
        path = target / name
        if path.exists() and digest(path.read_bytes()) == sha256:
            print(f"{path} is already right.")
            continue
        content = source.fetch(name)
        if digest(content) != sha256:
            raise StageError(f"{name} from {source} has sha256 {digest(content)}, not {sha256}: give another --from.")
        try:
            target.mkdir(parents=True, exist_ok=True)
            write_file(path, content)
        except OSError as problem:
            raise StageError(f"Cannot write {path} ({problem.strerror}): give another --to.") from problem
        print(f"{path} was fetched and verified.")


def parse_source(text: str, environ: Mapping[str, str]) -> Source:
    """The source that a person named: `s3`, an http or https address, or a folder."""
    if text == "s3":
        return Bucket.from_env(environ)
    if text.startswith(("http://", "https://")):
        return Address(text)
    return Folder(Path(text))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status: 0 when all four files are there and right, else 1 with a sentence."""
    parser = argparse.ArgumentParser(prog="python -m training.download", description="Fetches and verifies MNIST.")
    parser.add_argument(
        "--from",
        dest="source",
        default=str(HERE / "data"),
        help="a folder, an http(s) address, or s3 for the bucket in OBJECT_STORAGE_ENDPOINT_URL, "
        "OBJECT_STORAGE_BUCKET_NAME, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; default: this checkout's copy",
    )
    parser.add_argument("--to", type=Path, help="the folder to fill; default: DATA_DIR, else training/data")
    told = parser.parse_args(arguments)
    target = told.to or Path(environ.get("DATA_DIR") or HERE / "data")
    return exit_status(lambda: download(parse_source(told.source, environ), target))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
