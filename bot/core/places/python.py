"""Versions in Python files: module-level names and arguments, found in the syntax tree; nothing is run."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

from bot.core.errors import Refused
from bot.core.places.span import Place

NAMES = frozenset({"__version__", "VERSION", "__VERSION__"})
_TUPLES = frozenset({"__version_info__", "version_info", "VERSION", "__version__", "VERSION_INFO"})
_PLAIN = "version"
"""Such a name counts in the modules that are about nothing else."""
_ABOUT = ("version.py", "_version.py", "__about__.py", "about.py")
_CALLS = frozenset({"setup", "FastAPI", "APIFlask", "OpenAPI", "APISpec", "Api", "OpenApiConfig"})
_QUOTED = re.compile(r"""[rRuU]?(?P<quote>'{3}|"{3}|'|")(?P<inner>.*)(?P=quote)""", re.DOTALL)
_WRITTEN_BY_TOOLS = ("setuptools-scm", "setuptools_scm", "hatch-vcs", "vcs-versioning", "versioneer", "Versioneer")


def find(path: str, text: str) -> list[Place]:
    """The versions of a module; raises Refused where it cannot be read, or is written by a tool that asks the tags."""
    head = text[:4_000]
    if tool := next((tool for tool in _WRITTEN_BY_TOOLS if path.endswith("_version.py") and tool in head), ""):
        raise Refused(f"{path} is written by {tool} from the tags; take it out of the version files.")
    try:
        with warnings.catch_warnings(action="ignore"):  # an odd escape somewhere in the file is its author's affair
            tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = f" line {problem.lineno}" if isinstance(problem, SyntaxError) and problem.lineno else ""
        raise Refused(f"{path}{line} is not Python that can be read; correct it before a release.") from problem
    return list(_Module(path, text, tree).places())


class _Module:
    """A module's tree beside its text, to turn the tree's columns (UTF-8 bytes) into characters of the text."""

    def __init__(self, path: str, text: str, tree: ast.Module) -> None:
        self._path, self._text, self._tree = path, text, tree
        self._begin = len(text) - len(text.removeprefix("\ufeff"))
        self._starts = self._line_starts()
        self._wanted = NAMES | ({_PLAIN} if path.rpartition("/")[2] in _ABOUT else set())

    def places(self) -> Iterator[Place]:
        """The versions in order."""
        texts = {name: value for node in self._tree.body for name, value in _assigned(node)}
        found = [place for name, value in texts.items() for place in self._assigned(name, value)]
        yield from found
        for call in (node for node in ast.walk(self._tree) if isinstance(node, ast.Call)):
            # An application may tell the version of its interface beside its own; a distribution has one.
            if _called(call) == "setup" or (_called(call) in _CALLS and not found):
                for keyword in (keyword for keyword in call.keywords if keyword.arg == "version"):
                    yield from self._argument(_called(call), keyword.value, texts)

    def _argument(self, called: str, value: ast.expr, texts: Mapping[str, ast.expr]) -> Iterator[Place]:
        """What a call is given as the version: a text, or a name that stands for one."""
        if not isinstance(value, ast.Name):
            yield from self._text_at(f"{called}(version=…)", value)
        elif value.id not in self._wanted:
            yield from self._text_at(value.id, texts.get(value.id))

    def _assigned(self, name: str, value: ast.expr) -> Iterator[Place]:
        if name in self._wanted:
            yield from self._text_at(name, value)
        if isinstance(value, ast.Tuple) and name in _TUPLES and len(value.elts) > 1:
            numbers = [each.value for each in value.elts if isinstance(each, ast.Constant)]
            if len(numbers) == len(value.elts) and all(type(number) is int for number in numbers):
                start, _ = self._span(value.elts[0])
                _, end = self._span(value.elts[-1])
                yield Place(f"{self._path} {name}", ".".join(map(str, numbers)), start, end, numbers=True)

    def _text_at(self, name: str, value: ast.expr | None) -> Iterator[Place]:
        """The inside of a plain text, between its quotes."""
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str) or not value.value:
            return
        start, end = self._span(value)
        # A text with escapes, or put together from several, is not there as it reads.
        found = _QUOTED.fullmatch(self._text, start, end)
        if found and found["inner"] == value.value:
            yield Place(f"{self._path} {name}", value.value, *found.span("inner"))

    def _span(self, node: ast.expr) -> tuple[int, int]:
        # What was parsed from a text always has an end; the types leave room for trees made by hand.
        end = self._at(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return self._at(node.lineno, node.col_offset), end

    def _at(self, line: int, column: int) -> int:
        start, text = self._starts[line - 1]
        return start + len(text.encode()[:column].decode())

    def _line_starts(self) -> list[tuple[int, str]]:
        """Where each line begins, and its text; lines end as Python ends them, not at form feeds and the like."""
        found, position = [], self._begin
        for line in self._text[self._begin :].replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            found.append((position, line))
            position += len(line)
            position += 2 if self._text[position : position + 2] == "\r\n" else 1
        return found


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement gives a value, also `a = b = value`."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case _:
            return


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
