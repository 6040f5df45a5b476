"""What is said of an image that somebody asked for."""

from bot.core.stages import Stopped
from bot.core.texts.markdown import bounded, fenced, harmless, quiet


def waiting(tag: str, commit: str) -> str:
    """While it is built."""
    return f"📦 **The image of {tag} is built** from {commit[:8]}; its digest follows here."


def no_tag(tag: str) -> str:
    """Where there is no such tag."""
    return f"There is no tag `{tag}` or `v{tag}` in this repository; release it first, then open a new issue."


def delivered(repository: str, tag: str, name: str, commit: str) -> str:
    """Where it is, by digest."""
    return f"📦 **Delivered.** `{repository}:{tag}`, made from {commit[:8]}, is:\n\n{fenced(name)}"


def failed(result: Stopped) -> str:
    """Why there is none, with the end of the log."""
    said = f"🛑 **No image: {result.stage} failed.** {harmless(result.failure.sentence)}"
    return bounded(f"{said}\n\n{fenced(result.failure.log_tail or '(no output)')}")


def refused(sentence: str) -> str:
    """Why none is built."""
    return f"🛑 **No image.** {quiet(sentence)}"
