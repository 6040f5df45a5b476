"""Answers to people: which comment carries them."""

from bot.core.events import CommandGiven

AGAIN = "Bolide tries again by itself."
"""What is added to the reason for which something is put off."""


def key(event: CommandGiven) -> str:
    """The key of the one comment that answers this command, edited in place until it is the last word."""
    return f"answer {event.comment or 'title'}"
