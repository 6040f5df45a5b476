"""What a merge starts: the stages, what decides whether one runs again, and how each can end."""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

StageName = Literal["train", "evaluate", "gate", "package", "deploy", "verify"]


@dataclass(frozen=True, slots=True)
class Started:
    """The stage has begun."""


@dataclass(frozen=True, slots=True)
class Done:
    """The stage ran; `artefact` is the sha256 of what it made, or the name of the release."""

    artefact: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """The stage had nothing to do; `reason` is a sentence, `artefact` what stands in for its result."""

    reason: str
    artefact: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The stage failed and nothing after it ran; `reproduce` is a command line for a person."""

    sentence: str
    log_tail: str
    reproduce: str


Outcome = Done | Skipped | Failed


@dataclass(frozen=True, slots=True)
class StageReport:
    """One line of a run: where a stage stands."""

    sha: str
    stage: StageName
    outcome: Started | Outcome
    image: str = ""
    """The image, by digest, that holds the stage's packages and code; empty where none was made."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The public address answered the merged commit and every golden digit rightly."""

    sha: str
    model: str | None
    seconds: float
    """From the start of the run to the answer."""
    digits: int
    url: str = ""
    """Where a cluster serves it; empty for the machine that the bot runs on."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was deployed, because nothing that is served has changed; `serving` is the commit that stays."""

    sha: str
    serving: str
    sentence: str


@dataclass(frozen=True, slots=True)
class NotServed:
    """The stages before the deployment passed, and the repository has no service to deploy."""

    sha: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stage failed; the version that served before serves on, or serves again."""

    sha: str
    stage: StageName
    failure: Failed
    back: str = ""
    """The commit that serves again after a roll-back; empty where what served before was never left."""
    url: str = ""
    """Where a cluster serves; empty for the machine that the bot runs on."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The run never began, because a newer commit was waiting too."""

    sha: str
    by: str


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was run: automatic deployments wait, since the moment `since`, until a maintainer resumes them."""

    sha: str
    since: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A command took a version back: `taken` is its commit, `sha` the commit that serves again as `name`.

    An empty `taken` says that the commit of what served is not known.
    """

    sha: str
    name: str
    taken: str
    url: str = ""
    """Where a cluster serves it; empty for the machine that the bot runs on."""


@dataclass(frozen=True, slots=True)
class ImagePushed:
    """An image in a registry: `name` is its repository with the digest."""

    repository: str
    name: str


RunResult = Verified | Unchanged | NotServed | Stopped | Superseded | Held


def stage_key(stage: str, *, command: Sequence[str], inputs: Mapping[str, str]) -> str:
    """The key of a stage's result: equal exactly when its command and the hash of each of its inputs are equal."""
    document = {"format": 1, "stage": stage, "command": list(command), "inputs": dict(inputs)}
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def tree_digest(files: Mapping[str, str]) -> str:
    """One sha256 for a set of files, given as path → what identifies its content."""
    lines = (json.dumps([path, files[path]]) for path in sorted(files))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def covers(inputs: Sequence[str], path: str) -> bool:
    """Whether a path of the tree is one of the inputs or lies below one; none stands for all."""
    wanted = [part.strip("/").removeprefix("./") for part in inputs]
    return not wanted or any(part in ("", ".") or path == part or path.startswith(f"{part}/") for part in wanted)


def same_model(sha: str) -> str:
    """Why a training was skipped."""
    return f"The training code, its packages and its data are unchanged since {sha[:8]}; the model of then is used."


def same_evaluation(sha: str) -> str:
    """Why an evaluation was skipped."""
    return f"The model and its evaluation are unchanged since {sha[:8]}; the result of then stands."


def not_configured(stage: StageName) -> str:
    """Why a stage without a command was skipped."""
    return f"The configuration has no `training.{stage}`, so nothing is run here."


def already_serving(commit: str) -> str:
    """Why nothing was deployed."""
    return f"Already serving this model and code, from commit {commit[:8]}; nothing that is served has changed since."


def reproduce(sha: str, command: Sequence[str], environ: Mapping[str, str]) -> str:
    """The command line with which a person gets the same failure in a checkout."""
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in sorted(environ.items()))
    return f"git checkout {sha} && {variables}{shlex.join(command)}"
