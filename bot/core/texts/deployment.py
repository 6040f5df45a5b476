"""What is said of a run of the stages: statuses, the Deployment, the comment on the merged pull request."""

from typing import assert_never

from bot.core.plan import OpenIssue
from bot.core.ports import StatusState
from bot.core.stages import (
    Done,
    Failed,
    Held,
    NotServed,
    Outcome,
    RolledBack,
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
RESUME = "/deploy resume"
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
                f"{result.digits} known digits right, in {result.seconds:.0f} s."
            )
        case Unchanged() | NotServed():
            return result.sentence
        case Stopped():
            return f"{result.stage} failed: {result.failure.sentence}"
        case Superseded():
            return f"Not built by itself: {result.by[:8]} came before it began and holds this commit too."
        case Held():
            return f"Automatic deployments wait since {result.since}; a maintainer's `{RESUME}` lets them go on."
        case _:
            assert_never(result)


def rolled_back(result: RolledBack, url: str) -> str:
    """The answer to a command that rolled back."""
    taken = f" in place of {result.taken[:8]}" if result.taken else ""
    return (
        f"⏪ **Rolled back.** Commit {result.sha[:8]} serves again{taken}, as `{result.name}`: {url}\n\n"
        "What was taken back is not deployed again by itself, and the next merge that changes what is served is; "
        f"`{RESUME}` tries it again."
    )


def freeze(since: str) -> OpenIssue:
    """The question to the maintainers after two roll-backs within an hour."""
    body = (
        f"Two deployments were rolled back within an hour, the last at {since}. The version of before serves.\n\n"
        "Nothing is deployed by itself until somebody has looked: the failed commits carry the reasons. "
        f"Shall deployments go on? A maintainer answers with `{RESUME}`."
    )
    return OpenIssue(f"frozen {since}", "Deployments wait: two roll-backs within an hour", body)


def resumed(since: str) -> str:
    """The answer to the command that lets deployments go on."""
    waited = f"They waited since {since}. " if since else "They did not wait. "
    return f"▶️ **Deployments go on.** {waited}The default branch as it is now is built and deployed."


def refused(sentence: str) -> str:
    """The comment on a merged pull request whose commit cannot be run at all."""
    return f"🛑 **Not deployed; what served before serves on.** {quiet(sentence)}"


def comment(result: RunResult, url: str) -> str:
    """The comment on the merged pull request."""
    match result:
        case Verified():
            return f"🚀 **Deployed and verified.** {sentence(result)}\n\nThe service: {result.url or url}"
        case Stopped(failure=failure):
            log, command = fenced(failure.log_tail or "(no output)"), fenced(failure.reproduce)
            verdict = "⏪ **Rolled back" if result.back else "🛑 **Not deployed"
            serves = "serves again" if result.back else "serves on"
            said = f"{verdict}; what served before {serves}.** {harmless(sentence(result))}"
            return bounded(f"{said}\n\n{log}\n\nTo see it yourself:\n\n{command}")
        case Superseded():
            return f"⏭️ **Left to a newer commit.** {sentence(result)}"
        case Held():
            return f"⏸️ **Not deployed.** {sentence(result)}"
        case Unchanged() | NotServed():
            return f"**Nothing to deploy.** {quiet(sentence(result))}"
        case _:
            assert_never(result)
