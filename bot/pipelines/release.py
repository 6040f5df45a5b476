"""The sealed virtual environment release: a folder that holds everything a server needs, and its trace.

`release.json` names the commit, the lock, the data and the model, and the sha256 of every file; `provenance.json` is
the statement of its origin, `sbom.json` its bill of materials; `source/` and `model/` hold the files,
`verifying-key.pem` the public key that the model is signed for, `environment` links to the installed packages.
A release is never changed after it was sealed.
"""

import json
import shutil
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.image import PUBLIC_KEY, SEALED_BUILD
from bot.core.recipe import ServiceRecipe
from bot.pipelines import files
from bot.pipelines.papers import Papers

SCHEMA = 1


class Unsound(Exception):
    """The folder is no release that may serve; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a release was made of; `content` is equal for releases that differ in their commit only."""

    content: str
    commit: str
    lock_sha256: str
    requirements_sha256: str
    data_sha256: str | None
    model_id: str | None
    model_sha256: str | None


@dataclass(frozen=True, slots=True)
class Digit:
    """A golden digit: 28 rows of 28 grey values, and the label that the model must give."""

    pixels: list[list[int]]
    label: int


@dataclass(frozen=True, slots=True)
class Release:
    """A sealed release on disk."""

    path: Path
    trace: Trace
    wsgi: str
    ready: str
    version: str
    predict: str
    serve: tuple[str, ...] = ()
    signed: bool = False
    """Whether its service gets a public key, and must find the model signed for it."""

    @property
    def name(self) -> str:
        """The folder's name, unique for its content and commit."""
        return self.path.name

    @property
    def source(self) -> Path:
        """The folder with the code, in which the server runs."""
        return self.path / "source"

    @property
    def model(self) -> Path | None:
        """The model directory, None for a service without a model."""
        return self.path / "model" if self.trace.model_sha256 else None

    @property
    def variables(self) -> dict[str, str]:
        """What its server finds in the environment, as docs/formats.md describes it."""
        told = {"COMMIT": self.trace.commit, "LOCK_SHA256": self.trace.lock_sha256}
        told |= {"MODEL_DIR": str(self.model)} if self.model else {}
        return told | ({"VERIFYING_KEY_FILE": str(self.path / PUBLIC_KEY)} if self.signed else {})

    @property
    def python(self) -> Path:
        """The interpreter of the release's packages."""
        return self.path / "environment" / "bin" / "python"

    def golden(self) -> tuple[Digit, ...]:
        """The digits that the served model must answer rightly, as docs/formats.md describes them."""
        return read_golden(self.model) if self.model else ()


def name_of(content: str, commit: str) -> str:
    """The folder name of a release."""
    return f"{content[:16]}-{commit[:12]}"


def seal(
    target: Path,
    *,
    trace: Trace,
    service: ServiceRecipe,
    tree: Path,
    model: Path | None,
    packages: Path,
    public_key: Path | None = None,
    papers: Papers | None = None,
) -> Release:
    """Make the release at `target`, whole or not at all; raises Unsound or files.UnsoundTree.

    The papers are about `release.json`, by its sha256: it names every file.
    """
    making = target.with_name(f".making-{uuid.uuid4().hex}")
    try:
        files.copy(tree, making / "source", service.inputs)
        if model:
            files.copy(model, making / "model", links=False)
        if model and public_key:
            shutil.copy(public_key, making / PUBLIC_KEY)
        (making / "environment").symlink_to(packages.absolute())
        if not service.serve:
            _require_gunicorn(packages)
        _describe(making, target.name, trace, service, papers)
        if target.exists():  # one that is damaged: a sound one would have been used
            target.rename(making.with_name(f"{making.name}-damaged"))
            shutil.rmtree(making.with_name(f"{making.name}-damaged"), ignore_errors=True)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return inspect(target)


def _describe(making: Path, name: str, trace: Trace, service: ServiceRecipe, papers: Papers | None) -> None:
    """Write down what lies in the folder, and what it was made of."""
    document = {
        "schema": SCHEMA,
        "kind": "sealed virtual environment",
        "trace": {name: getattr(trace, name) for name in Trace.__slots__},
        "service": {name: getattr(service, name) for name in ("wsgi", "ready", "version", "predict", "serve")},
        "files": _sealed_hashes(making),
    }
    told = making / "release.json"
    told.write_text(json.dumps(document, indent=1, sort_keys=True))
    if papers:
        papers.write(making, f"{name}/{told.name}", f"sha256:{files.sha256_of(told)}", SEALED_BUILD)


def inspect(path: Path) -> Release:
    """The release at a path when each of its files is what was sealed; raises Unsound with the first difference."""
    release, sealed = _read(path)
    now = _sealed_hashes(path)
    # What an app writes beside its code while it serves is no damage; nothing may be added to the model.
    for name in sorted({*sealed, *(name for name in now if name.startswith("model/"))}):
        if sealed.get(name) != now.get(name):
            change = "is missing" if name not in now else "was added" if name not in sealed else "was changed"
            raise Unsound(f"Release {path.name} is not what was sealed: {name} {change}; merge or deploy again.")
    if not release.python.exists():
        raise Unsound(f"Release {path.name} has lost its packages at {release.path / 'environment'}; deploy again.")
    if not release.serve:
        _require_gunicorn(release.path / "environment")
    if release.model:
        _require_model_of(release, release.model)
    return release


def read_golden(model: Path) -> tuple[Digit, ...]:
    """The golden digits of a model directory; raises Unsound when the file is there and malformed."""
    try:
        document = json.loads((model / "golden.json").read_text())
        pairs = zip(document["inputs"], document["labels"], strict=True)
        return tuple(Digit(pixels, int(label)) for pixels, label in pairs)
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise Unsound(f"golden.json of the model is malformed ({error}); train again.") from error


def read_card(model: Path) -> dict[str, Any]:
    """The model card; raises Unsound when it is missing, malformed, or of another model file."""
    try:
        card = json.loads((model / "card.json").read_text())
        if card["sha256"] != files.sha256_of(model / "model.tflite"):
            raise Unsound("The model file is not the one that its card names by sha256; train again.")
        str(card["model_id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unsound(f"The model directory has no sound card.json and model.tflite ({error}); train again.") from error
    return dict(card)


def prune(root: Path, keep: int, in_use: Collection[Path]) -> None:
    """Remove all but the newest releases and those in use."""
    made = sorted((path for path in root.glob("[!.]*") if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in made[: max(0, len(made) - keep)]:
        if path not in in_use:
            shutil.rmtree(path, ignore_errors=True)


def _read(path: Path) -> tuple[Release, dict[str, str]]:
    try:
        document = json.loads((path / "release.json").read_text())
        if document["schema"] != SCHEMA:
            raise Unsound(f"Release {path.name} has schema {document['schema']}, this program reads {SCHEMA}.")
        told = dict(document["service"])
        serve = tuple(map(str, told.pop("serve", ())))  # releases of before have none
        sealed = dict(document["files"])
        trace = Trace(**document["trace"])
        return Release(path.absolute(), trace, **told, serve=serve, signed=PUBLIC_KEY in sealed), sealed
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unsound(f"{path} holds no release ({error}); deploy again.") from error


def _sealed_hashes(path: Path) -> dict[str, str]:
    return files.hashes(path, ("source", "model", PUBLIC_KEY))


def _require_gunicorn(packages: Path) -> None:
    if not any(packages.glob("lib/python*/site-packages/gunicorn/__main__.py")):
        raise Unsound("The lock's service categories have no gunicorn; add it, or name service.serve.")


def _require_model_of(release: Release, model: Path) -> None:
    card = read_card(model)
    if (card["model_id"], card["sha256"]) != (release.trace.model_id, release.trace.model_sha256):
        raise Unsound(f"Release {release.name} holds another model than its trace names; deploy again.")
