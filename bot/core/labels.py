"""The labels that Bolide knows: name, colour, what it means."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """A label; the colour is six hexadecimal digits."""

    name: str
    color: str
    description: str


_RELEASES = ("calendar-release", "major-release", "minor-release", "patch-release", "pre-release", "build-release")
SECURITY = Label("security", "b60205", "Mends a known weakness")
OURS = (
    Label("bot", "6f42c1", "Opened by a bot"),
    SECURITY,
    *(Label(name, "0e8a16", f"Merging asks for a {name.removesuffix('-release')} release") for name in _RELEASES),
    Label("finalize-version", "0e8a16", "Merging asks for the final release"),
)
"""Made when a repository is set up; those of steering and releases."""
