"""What an environment installs: a table, and the dependency graph as Mermaid."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.texts.markdown import count, fitting, harmless, table

MOST_EDGES = 150
"""More cannot be read in a drawing."""
_ROOM = 20_000  # characters of one environment's table


@dataclass(frozen=True, slots=True)
class Installed:
    """A locked package: the index name, who requires it, and whether the manifest names it."""

    name: str
    version: str
    direct: bool
    required_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Info:
    """An environment: its lock, its Python (empty: not said), its indexes by name, and what it installs."""

    lock: str
    python: str
    indexes: Mapping[str, str]
    packages: tuple[Installed, ...]


def comment(info: Info) -> str:
    """The part of the comment about one environment."""
    direct = sum(each.direct for each in info.packages)
    head = (
        f"### {harmless(info.lock)}\n\nPython {harmless(info.python) or 'as it comes'};"
        f" {count(len(info.packages), 'package')}, {direct} of them direct;"
        f" from {', '.join(harmless(name) for name in info.indexes)}.\n"
    )
    rows = tuple((harmless(each.name), harmless(each.version), _why(each)) for each in info.packages)
    shown = fitting(rows, _ROOM)
    more = f"\n\n{len(rows) - len(shown)} more." if len(shown) < len(rows) else ""
    return f"{head}\n{table(('package', 'version', 'required by'), shown)}{more}\n\n{_graph(info)}"


def _why(each: Installed) -> str:
    return "direct" if each.direct else harmless(", ".join(each.required_by[:5]))


def _graph(info: Info) -> str:
    """Who requires whom; a package is a number to Mermaid, so that no name can be taken for its words."""
    numbers = {each.name: number for number, each in enumerate(info.packages)}
    edges = [(parent, each.name) for each in info.packages for parent in each.required_by if parent in numbers]
    if not edges:
        return "No package requires another."
    if len(edges) > MOST_EDGES:
        return f"The graph has {len(edges)} edges, too many to draw."
    drawn = sorted({name for edge in edges for name in edge})
    nodes = [f'  n{numbers[name]}["{name}"]' for name in drawn]
    lines = [f"  n{numbers[parent]} --> n{numbers[name]}" for parent, name in edges]
    head = ("<details><summary>Graph</summary>\n", "```mermaid", "graph LR")
    return "\n".join((*head, *nodes, *lines, "```", "\n</details>"))
