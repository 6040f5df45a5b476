"""The places where a repository's version stands: found by the form of each file, rewritten character by character.

A place is a span of a file's text: what is not the version cannot change.
"""

from bot.core.places.finding import find, read, usual, write
from bot.core.places.span import Place

__all__ = ["Place", "find", "read", "usual", "write"]
