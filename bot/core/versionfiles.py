"""The places in a repository where its version stands: found and rewritten, everything around it untouched."""

import re

from bot.core.errors import Refused

_PYTHON = re.compile(r"""^(\ufeff?__version__\s*(?::\s*[\w.]+\s*)?=\s*)(["'])(?P<version>[^"'\n]*)\2""", re.MULTILINE)
_TOML = re.compile(
    r"""(^\ufeff?\[project\][ \t]*(?:\#[^\n]*)?\r?\n  # the table
        (?:(?!\[)[^\n]*\n)*?                            # its lines before
        version[ \t]*=[ \t]*)(["'])(?P<version>[^"'\n]*)\2""",
    re.MULTILINE | re.VERBOSE,
)


def read(path: str, text: str) -> str:
    """The version that stands in the file; raises Refused where there is none, or more than one."""
    found = list(_form(path).finditer(text))
    if len(found) != 1:
        what = "no version" if not found else f"{len(found)} versions"
        raise Refused(f"{path} has {what}; a release needs exactly one `{_example(path)}`.")
    return found[0]["version"]


def write(path: str, text: str, version: str) -> str:
    """The text with the new version in the place where `read` finds the old one."""
    read(path, text)
    return _form(path).sub(lambda found: f"{found[1]}{found[2]}{version}{found[2]}", text)


def _form(path: str) -> re.Pattern[str]:
    return _TOML if path.endswith(".toml") else _PYTHON


def _example(path: str) -> str:
    return 'version = "1.2.3"' if path.endswith(".toml") else '__version__ = "1.2.3"'
