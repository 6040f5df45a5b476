"""What is said of a preview: one comment on the pull request, edited in place."""

from bot.core.previews import Doing, Previewed
from bot.core.stages import Stopped
from bot.core.texts.markdown import bounded, fenced, harmless, quiet

KEY = "preview"
WAITING = "🔭 **The preview is being made**; this comment will say where it is."
GONE = "🔭 **The preview is gone**, with the pull request."
FORK = "Previews are made of branches of this repository only: what a fork holds is never built here."
CLOSED = "Previews are made of open pull requests; comment there."


def ready(result: Previewed) -> str:
    """Where the preview answers, and what it costs beside production."""
    lines = [
        f"🔭 **Preview of {result.sha[:8]}**, with model {result.model or 'none'}: {result.url}",
        "",
        "| | preview | production |",
        "|---|---|---|",
        *(f"| {name} | {one} | {other} |" for name, one, other in _rows(result)),
        "",
        "It goes when the pull request is closed; after new commits `/deploy preview` renews it.",
    ]
    return "\n".join(lines)


def failed(result: Stopped) -> str:
    """Why there is none, with the end of the log."""
    said = f"🛑 **No preview: {result.stage} failed.** {harmless(result.failure.sentence)}"
    return bounded(f"{said}\n\n{fenced(result.failure.log_tail or '(no output)')}")


def refused(sentence: str) -> str:
    """Why none is made."""
    return f"🛑 **No preview.** {quiet(sentence)}"


def _rows(result: Previewed) -> tuple[tuple[str, str, str], ...]:
    one, other = _cells(result.preview), _cells(result.production)
    names = ("median answer", "failed answers", "CPU for an answer", "memory")
    return tuple(zip(names, one, other, strict=True))


def _cells(doing: Doing | None) -> tuple[str, str, str, str]:
    if doing is None:
        return ("–", "–", "–", "–")
    cpu = "–" if doing.cpu_seconds is None else f"{1000 * doing.cpu_seconds:.1f} ms"
    memory = "–" if doing.memory_mb is None else f"{doing.memory_mb:.0f} MB"
    return (f"{1000 * doing.seconds:.1f} ms", f"{100 * doing.error_rate:.0f} %", cpu, memory)
