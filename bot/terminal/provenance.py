"""`provenance`: whether each locked file of a folder is one that its index has, and who published it."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.core import environments, repoconfig
from bot.core.attestations import Artefact, NotVerified, Unchecked, Verified
from bot.core.environments import TOP_FILES
from bot.core.errors import Refused, TryLater
from bot.core.texts import provenance as text
from bot.core.texts.provenance import Checked
from bot.managers import provenance
from bot.terminal.desk import escaped, in_words, seeing, state_folder

CLEAN, WRONG, CANNOT = 0, 1, 2
"""Exit statuses: nothing is wrong or unknown · there is an error or a warning · it could not be found out."""
_STYLES = {"ERROR": "red", "WARNING": "yellow", "INFO": "dim"}


def main(given: Namespace, environ: Mapping[str, str]) -> int:
    """Print what was found about the folder's locks; exit status CLEAN, WRONG or CANNOT."""

    async def ask() -> tuple[Checked, ...]:
        async with seeing(given.path, environ, state_folder(environ)) as see:
            top = (*repoconfig.PATHS, *TOP_FILES)
            project = await see.reader.snapshot(top, branch="", overlays=environments.OVERLAYS)
            return await provenance.checked_locks(project, repoconfig.read(project), see, given.environment)

    try:
        told = asyncio.run(ask())
        if not told:
            raise Refused(provenance.NO_LOCK)
    except (Refused, TryLater, OSError) as problem:
        print(f"Not checked: {in_words(problem, state_folder(environ))}", file=sys.stderr)
        return CANNOT
    if given.json:
        print(json.dumps({each.lock: _plain(each) for each in told}, indent=2, ensure_ascii=False))
    else:
        _show(told)
    if any(each.trouble for each in told):
        return CANNOT
    return CLEAN if all(each.clean for each in told) else WRONG


def _plain(told: Checked) -> dict[str, Any]:
    """What was found as JSON has it."""
    findings = [{"type": each.type, "id": each.code, "message": each.sentence} for each in told.findings]
    files = [_file(each) for each in told.artefacts]
    return {"trouble": told.trouble, "packages": told.packages, "findings": findings, "files": files}


def _file(told: Artefact) -> dict[str, Any]:
    named = {"package": told.package, "version": told.version, "file": told.filename, "sha256": told.sha256}
    match told.attested:
        case Verified(publishers):
            who = [{"kind": each.kind, "place": each.place, "workflow": each.workflow} for each in publishers]
            return {**named, "attestation": "verified", "publishers": who}
        case NotVerified(reason):
            return {**named, "attestation": "not verified", "reason": reason}
        case Unchecked(reason):
            return {**named, "attestation": "not checked", "reason": reason}
    return {**named, "attestation": "none"}


def _show(told: Sequence[Checked]) -> None:
    console = Console(highlight=False)
    for each in told:
        if each.trouble:
            console.print(f"{each.lock}: not checked: {escaped(each.trouble)}", markup=False)
            continue
        verdict, said = text.verdict((each,)), text.attestations(each.artefacts)
        console.print(f"[bold]{escaped(each.lock)}[/]: {verdict}; {said}.")
        if each.findings:
            console.print(_table(each))
        for who in text.publishers(each.artefacts):
            console.print(f"  {who}", markup=False)


def _table(told: Checked) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for head in ("", "code", "what"):
        table.add_column(head, overflow="fold")
    for each in told.findings:
        table.add_row(each.type.lower(), each.code, escaped(each.sentence), style=_STYLES[each.type])
    return table
