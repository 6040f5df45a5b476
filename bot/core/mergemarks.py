"""The marks that a merge with conflicts leaves in a file. Standard library only, as `lockfile` is."""

import re

_MARK = re.compile(r"^(?:<{7}|={7}|>{7})(?:[ \r\n]|$)", re.MULTILINE)


def conflict(text: str) -> str:
    """A clause that names the line of the first conflict marker, and the remedy; empty where there is none."""
    found = _MARK.search(text)
    if found is None:
        return ""
    line = text.count("\n", 0, found.start()) + 1
    return f"has a merge conflict marker on line {line}; resolve the merge first."
