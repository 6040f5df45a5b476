"""Answers to people: which comment carries them."""

from collections.abc import Mapping

from bot.core.events import CommandGiven

AGAIN = "Bolide tries again by itself."
"""What is added to the reason for which something is put off."""


def key(event: CommandGiven) -> str:
    """The key of the one comment that answers this command, edited in place until it is the last word."""
    return f"answer {event.comment or 'title'}"


_MEANINGS: Mapping[str, str] = {
    "update": "look for newer dependencies now, and propose them",
    "security": "propose what mends advisories, and only that",
    "advise": "say what speaks against the locks, and whether another is better",
    "explain": "say why a package is locked as it is",
    "ignore": "propose no newer version of a package, or none of these",
    "unignore": "propose them again",
    "rebase": "make this pull request's change anew, from the newest base",
    "recheck": "gather this pull request's evidence anew",
    "bisect": "find which part of this pull request's change does not work",
    "status": "say what is open, waiting, held back and ignored",
    "info": "say what each environment installs, with the graph",
    "provenance": "look whether each locked file is one that its index has, and who published it",
    "release": "open the pull request of the next release, or close it",
    "yank": "mark a published release as one that nobody should use",
    "retrain": "train the default branch anew and deploy it",
    "retest": "gather the evidence anew; elsewhere, take the default branch through its stages again",
    "rollback": "let the version before serve again",
    "deploy": "serve this pull request beside production; or let deployments go on that wait",
    "help": "this list",
}


def commands(forms: Mapping[str, str]) -> str:
    """The answer to who asks for help: each command, by name → form, with what it does."""
    lines = (f"- `{form}`: {_MEANINGS[name]}" for name, form in forms.items())
    return "A command stands alone in a comment's first line:\n\n" + "\n".join(lines)
