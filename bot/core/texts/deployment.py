"""What is said of a run of the stages: statuses, the Deployment, the comment on the merged pull request."""

from typing import assert_never

from bot.core.ports import StatusState
from bot.core.stages import (
    Done,
    Failed,
    NotServed,
    Outcome,
    RunResult,
    Skipped,
    Started,
    Stopped,
    Superseded,
    Unchanged,
    Verified,
)
from bot.core.texts.markdown import bounded, fenced, harmless, quiet

COMMENT_KEY = "deployment"
ENVIRONMENT = "production"
CONTEXT = "bolide"
"""The commit status's context for a run as a whole."""


def context(stage: str) -> str:
    """The commit status's context for a stage."""
    return f"bolide/{stage}"


def status(outcome: Started | Outcome) -> tuple[StatusState, str]:
    """State and description of the stage's commit status."""
    match outcome:
        case Started():
            return "pending", "running"
        case Done(seconds=seconds):
            return "success", f"done in {seconds:.1f} s"
        case Skipped(reason=reason):
            return "success", f"skipped: {reason}"
        case Failed(sentence=sentence):
            return "failure", sentence
        case _:
            assert_never(outcome)


def sentence(result: RunResult) -> str:
    """How a run ended, in one line."""
    match result:
        case Verified():
            return (
                f"The service answers as {result.sha[:8]} with model {result.model or 'none'}: asked after the switch, "
                f"{result.digits} known digits right, {result.seconds:.0f} s from the merge."
            )
        case Unchanged() | NotServed():
            return result.sentence
        case Stopped():
            return f"{result.stage} failed: {result.failure.sentence}"
        case Superseded():
            return f"Not built by itself: {result.by[:8]} came before it began and holds this commit too."
        case _:
            assert_never(result)


def refused(sentence: str) -> str:
    """The comment on a merged pull request whose commit cannot be run at all."""
    return f"🛑 **Not deployed; what served before serves on.** {quiet(sentence)}"


def comment(result: RunResult, url: str) -> str:
    """The comment on the merged pull request."""
    match result:
        case Verified():
            return f"🚀 **Deployed and verified.** {sentence(result)}\n\nThe service: {url}"
        case Stopped(failure=failure):
            log, command = fenced(failure.log_tail or "(no output)"), fenced(failure.reproduce)
            said = f"🛑 **Not deployed; what served before serves on.** {harmless(sentence(result))}"
            return bounded(f"{said}\n\n{log}\n\nTo see it yourself:\n\n{command}")
        case Superseded():
            return f"⏭️ **Left to a newer commit.** {sentence(result)}"
        case Unchanged() | NotServed():
            return f"**Nothing to deploy.** {quiet(sentence(result))}"
        case _:
            assert_never(result)
