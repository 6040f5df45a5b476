"""`advise` and `explain`: advice on a folder's locks, as a table, as JSON or as SARIF."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.core import phrases
from bot.core.advice import Adviser, Recommendation, Row
from bot.core.environments import Environment
from bot.core.errors import Refused, TryLater
from bot.core.packages import ResolveRequest
from bot.core.texts import advice as text
from bot.terminal.desk import desk, escaped, in_words, state_folder
from bot.terminal.sarif import sarif

NOTHING, ADVICE, CANNOT = 0, 1, 2
"""Exit statuses: nothing speaks against the lock · there is advice · it could not be found out."""
_STYLES = {"ERROR": "red", "WARNING": "yellow", "INFO": "dim"}
Told = Sequence[tuple[Environment, Recommendation | str]]
"""Each lock with its advice, or with the sentence why there is none."""


def advise(given: Namespace, environ: Mapping[str, str]) -> int:
    """Print the advice on the folder; exit status NOTHING, ADVICE or CANNOT."""

    async def ask() -> Told:
        async with desk(given.path, given.environment, given.type, environ, state_folder(environ)) as place:
            return [(each, await _recommended(place.adviser, asked)) for each, asked in place.asked]

    try:
        told = asyncio.run(ask())
    except (Refused, TryLater, OSError) as problem:
        print(f"No advice: {in_words(problem, state_folder(environ))}", file=sys.stderr)
        return CANNOT
    for each, found in told:
        if isinstance(found, str):
            print(f"No advice on {each.lock}: {found}", file=sys.stderr)
    if all(isinstance(found, str) for _, found in told):
        return CANNOT
    if given.sarif:
        print(json.dumps(sarif(told), indent=2))
    elif given.json:
        print(json.dumps({each.lock: _plain(found) for each, found in told}, indent=2, ensure_ascii=False))
    else:
        _show(told)
    if any(isinstance(found, str) for _, found in told):
        return CANNOT
    return ADVICE if any(_is_advice(found) for _, found in told) else NOTHING


async def _recommended(adviser: Adviser, asked: ResolveRequest | str) -> Recommendation | str:
    try:
        return asked if isinstance(asked, str) else await adviser.recommend(asked)
    except Refused as refusal:
        return str(refusal)


def explain(given: Namespace, environ: Mapping[str, str]) -> int:
    """Print why the package is locked as it is; exit status NOTHING, or CANNOT where no lock has it."""

    async def ask() -> list[tuple[Environment, tuple[str, ...]]]:
        async with desk(given.path, given.environment, None, environ, state_folder(environ)) as place:
            name = phrases.package(given.package)
            found, refusals = [], []
            for each, request in place.asked:
                try:
                    if isinstance(request, str):
                        raise Refused(request)
                    found.append((each, await place.adviser.explain(request, name, place.ignored)))
                except Refused as refusal:
                    refusals.append(f"{each.lock}: {refusal}")
            if not found:
                raise Refused(" ".join(refusals))
            return found

    try:
        told = asyncio.run(ask())
    except (Refused, TryLater, OSError) as problem:
        print(f"Not explained: {in_words(problem, state_folder(environ))}", file=sys.stderr)
        return CANNOT
    for each, lines in told:
        print("\n".join((f"{each.lock}:", *(f"  {line}" for line in lines))))
    return NOTHING


def _is_advice(told: Recommendation | str) -> bool:
    """Whether anything speaks against the lock, or another one is better; notes alone are none."""
    return isinstance(told, str) or told.resolution is not None or any(row.type != "INFO" for row in told.rows)


def _plain(told: Recommendation | str) -> dict[str, Any]:
    """The advice as JSON has it; `lock` is the better lock's document, or null."""
    if isinstance(told, str):
        return {"trouble": told}
    lock = told.resolution.lock if told.resolution else None
    rows = [asdict(row) for row in told.rows]
    scores = {"score": told.score, "proposed_score": told.proposed_score}
    return {"type": told.type, "rows": rows, "checked": told.checked, **scores, "lock": lock}


def _show(told: Told) -> None:
    console = Console(highlight=False)
    for each, found in told:
        if isinstance(found, str):
            continue
        verdict = text.verdict(found, "it is `lock` in what --json prints")
        console.print(f"[bold]{escaped(each.lock)}[/] ({found.type}): {verdict}", markup=True)
        if found.rows:
            console.print(_table(found.rows))
        console.print(found.checked, markup=False)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    table.add_column("package", no_wrap=True)
    table.add_column("what, from where and of which day", overflow="fold")
    for row in sorted(rows, key=lambda row: (list(_STYLES).index(row.type), row.package)):
        origin = (f"{row.source}, {row.date}", row.link)
        lines = (escaped(row.message), *(f"[dim]{escaped(line)}[/]" for line in origin if line))
        table.add_row(row.type.lower(), escaped(row.package), "\n".join(lines), style=_STYLES[row.type])
    return table
