"""`python -m bot examine`: what the pod of an examination does, step by step; told by variables, without any secret."""

import asyncio
import platform
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from bot.adapters.environments import Environments, own_uv
from bot.adapters.findings import content_of
from bot.adapters.laboratory import Laboratory
from bot.adapters.wholefile import write_whole
from bot.core.errors import Refused
from bot.core.evidencerun import WORK
from bot.core.examining import MOST_BYTES, Answer, read_order, render
from bot.pipelines import pod
from bot.settings import allowed_hosts

SOURCE, ORDER, ANSWER = "source.tar", "order.json", "answer.json"


def main(given: Namespace, environ: Mapping[str, str]) -> int:
    """Do the step; exit status 1 where it cannot be done, told in one sentence."""
    work = Path(environ.get("EVIDENCE_DIR", WORK))
    try:
        match given.step:
            case "fetch":
                for variable, name in (("SOURCE_URL", SOURCE), ("ORDER_URL", ORDER)):
                    with (work / name).open("wb") as file:
                        pod.ask(_told(environ, variable), file)
            case "keep":
                # The folder was in the hands of the repository's code: no link is followed, nothing endless read.
                pod.ask(_told(environ, "ANSWER_URL"), content=content_of(work / ANSWER, MOST_BYTES))
            case _:
                asyncio.run(_examine(environ, work))
    except (pod.PodError, Refused, ValueError, OSError) as problem:
        print(" ".join(str(problem).split()), file=sys.stderr)  # the last line is what Bolide tells
        return 1
    return 0


async def _examine(environ: Mapping[str, str], work: Path) -> None:
    """Try both locks out with processes of this pod, and leave the answer."""
    order = read_order((work / ORDER).read_bytes())
    environments = Environments(
        work / "environments",
        uv=own_uv(),
        python=Path(sys.executable),
        index_url=_told(environ, "INDEX_URL"),
        cache=work / "cache",
        allowed_hosts=allowed_hosts(environ.get("ALLOWED_HOSTS", "")),
    )
    laboratory = Laboratory(environments, tell=lambda line: print(line, flush=True))
    tarball = (work / SOURCE).read_bytes()
    before, after = await laboratory.examine_pair(tarball, order.before, order.after, order.recipe)
    write_whole(work / ANSWER, [render(Answer(platform.python_version(), before, after))])


def _told(environ: Mapping[str, str], variable: str) -> str:
    if text := environ.get(variable, ""):
        return text
    raise Refused(f"{variable} is not set; this command is for the pods that Bolide makes (docs/runners.md).")
