"""A pull request's service beside production: what it answers, and what both cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Doing:
    """What a service did under a few questions: median seconds of an answer, share of failures, and what it used.

    CPU seconds for an answer and memory in MB of its processes, None where they run elsewhere.
    """

    seconds: float
    error_rate: float
    cpu_seconds: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Previewed:
    """The pull request's commit answers at `url`; `production` is None where nothing serves there."""

    sha: str
    url: str
    model: str | None
    preview: Doing | None
    production: Doing | None
