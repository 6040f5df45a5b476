"""The command line: `python -m bot COMMAND`, also `pipenv run bolide COMMAND`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot import __version__
from bot.allocator import keep_one_arena
from bot.core.advice import TYPES

HANDED_ON = ("sandbox", "setup", "supervise")


def main(argv: Sequence[str]) -> int:
    """Run the command; exit status 0, 1 after a failure told in one sentence, 2 for a wrong call or set-up."""
    keep_one_arena()
    if argv and argv[0] in HANDED_ON:
        return _hand_on(argv[0], list(argv[1:]))
    given = _parser().parse_args(argv)
    match given.command:
        case "demo":
            from bot.demo import show

            return show(given.state, once=given.once)
        case "doctor":
            from bot import doctor

            return doctor.main(os.environ, given.what)
        case "schema":
            from bot import schema

            return schema.main(given.write)
        case "thoth":
            from bot import thoth

            return thoth.main(os.environ, install_client=given.install)
        case "run" | "serve" | "work":
            return _run(given.command)
        case _:
            return _in_terminal(given)


def _in_terminal(given: argparse.Namespace) -> int:
    """Commands about a folder, a pull request or rules; what they import loads only for them."""
    match given.command:
        case "advise" | "explain":
            from bot.terminal import advice

            return (advice.advise if given.command == "advise" else advice.explain)(given, os.environ)
        case "provenance":
            from bot.terminal import provenance

            return provenance.main(given, os.environ)
        case "plan":
            from bot.terminal import plan

            return plan.main(given.repository, given.event, os.environ)
        case "replay":
            from bot.terminal import replay

            return replay.main(given.pull, Path(os.environ.get("BOLIDE_STATE_DIR") or ".bolide"), given.out)
        case "release":
            from bot.terminal import release

            return release.main(given)
        case "stages":
            from bot.terminal import stages

            return stages.main(given)
        case "image":
            from bot.terminal import image

            return image.main(given, os.environ)
        case "examine":
            from bot.terminal import examine

            return examine.main(given, os.environ)
        case _:
            from bot.terminal import rules

            return rules.main(given.place, datetime.now(UTC).date())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="Bolide: updates with evidence, releases, redeployment."
    )
    parser.add_argument("--version", action="version", version=f"Bolide {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="the whole loop on this machine, without any account")
    demo.add_argument("--once", action="store_true", help="do it without a person, write demo-report.json, and end")
    demo.add_argument("--state", type=Path, default=Path(".demo"), help="its folder, made anew (default: %(default)s)")
    commands.add_parser("run", help="web server, worker and service supervisor on one machine")
    commands.add_parser("serve", help="the web server alone: takes deliveries")
    commands.add_parser("work", help="the worker alone: works them off")
    doctor = commands.add_parser("doctor", help="check the set-up, or a repository, and say what is missing")
    doctor.add_argument("what", nargs="?", default="", metavar="PATH|REPO", help="a folder, or OWNER/NAME on GitHub")
    schema = commands.add_parser("schema", help="the JSON Schema of a repository's configuration")
    schema.add_argument("--write", type=Path, metavar="DOCS", help="renew it, and the table of keys, in this folder")
    thoth = commands.add_parser("thoth", help="answer Thoth's client thamos: advise and provenance-check, over TLS")
    thoth.add_argument("--install", action="store_true", help="make that client's own environment instead")
    commands.add_parser("setup", help="make the GitHub App, by one click (see its --help)")
    _add_advice(commands)
    _add_previews(commands)
    _add_stages(commands)
    commands.add_parser("sandbox", help="a GitHub on this machine, for trying and testing (see its --help)")
    commands.add_parser("supervise", help="keep the service's port and serve the deployed release (see its --help)")
    return parser


def _add_advice(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about a folder's locks."""
    advise = commands.add_parser("advise", help="what speaks against a folder's locks, and what would be better")
    _add_folder(advise)
    advise.add_argument("--type", choices=TYPES, help="the recommendation type (default: what the configuration says)")
    output = advise.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, with the better lock")
    output.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0")
    explain = commands.add_parser("explain", help="why a package is locked as it is")
    explain.add_argument("package", help="its name")
    _add_folder(explain)
    provenance = commands.add_parser(
        "provenance", help="whether each locked file is one that its index has, and who made it"
    )
    _add_folder(provenance)
    provenance.add_argument("--json", action="store_true", help="print JSON, with every file")
    for command in (advise, explain, provenance):
        command.add_argument("--environment", default="", help="one environment (default: all)")
    rules = commands.add_parser("rules", help="check prescriptions: Bolide's own, or those of a file or folder")
    rules.add_argument("place", type=Path, nargs="?", help="a file or folder of prescriptions")


def _add_previews(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that show what the bot proposes, without proposing it."""
    plan = commands.add_parser("plan", help="what the bot would do now about a repository on GitHub, without doing it")
    plan.add_argument("repository", metavar="REPO", help="OWNER/NAME")
    plan.add_argument("event", metavar="EVENT", help="push, installed, a comment (/update) or an issue's title")
    replay = commands.add_parser("replay", help="derive what a pull request proposed again, without the network")
    replay.add_argument("pull", metavar="PR", help="OWNER/NAME#12, or 12 where one repository has it")
    replay.add_argument("--out", type=Path, help="also write the files and the text into this folder")
    release = commands.add_parser("release", help="print the release pull request of a folder's checkout")
    release.add_argument("--dry-run", action="store_true", help="needed: the App alone opens it")
    release.add_argument("kind", nargs="?", default="patch", help="the kind, or a version (default: %(default)s)")
    release.add_argument("path", type=Path, nargs="?", help="the project's folder (default: this one)")


def _add_stages(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about what runs elsewhere: stages and images."""
    stages = commands.add_parser("stages", help="the stages of a folder's model and service, for other runners")
    _add_folder(stages)
    stages.add_argument("--write", action="store_true", help="renew the files that are made from them")
    stages.add_argument("--run", metavar="COMMIT", help="print a PipelineRun for `kubectl create -f -`; needs the next")
    stages.add_argument("--source", metavar="URL", help="where the commit's files are, as a tar")
    stages.add_argument("--image", metavar="NAME@sha256:…", help="the image with Python and pip that they run in")
    stages.add_argument("--model", metavar="URL", default="", help="where the model is PUT (default: only the volume)")
    image = commands.add_parser("image", help="build and push the image of Bolide itself, or of a folder's training")
    image.add_argument("what", choices=("bot", "training"), help="which of the two")
    image.add_argument("repository", help="where it is pushed, such as registry.example.org/team/name")
    image.add_argument("path", type=Path, nargs="?", default=Path(), help="the checkout (default: this folder)")
    image.add_argument("--base", default="", help="the image with Python below it, by digest (BOLIDE_BASE_IMAGE)")
    image.add_argument("--tag", default="", help="its tag in the registry (default: of its source)")
    image.add_argument("--record", type=Path, help="also write its bill of materials and provenance to this folder")
    examine = commands.add_parser("examine", help="try two locks out in a pod of the cluster, as Bolide ordered it")
    examine.add_argument("step", choices=("fetch", "examine", "keep"), help="the step of the pod")


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", type=Path, nargs="?", default=Path(), help="the project's folder (default: this one)")


def _hand_on(command: str, argv: list[str]) -> int:
    """Commands with options of their own; what they import loads only for them."""
    if command == "sandbox":
        from bot.sandbox.cli import main as sandbox

        return sandbox(argv)
    if command == "setup":
        from bot.setup import main as setup

        return setup(argv)
    from bot.pipelines.supervisor import main as supervise

    return supervise(argv)


def _run(command: str) -> int:
    from bot import running
    from bot.core.ports import ForgeRefused, InboxUnavailable
    from bot.service.logs import configure_logging
    from bot.service.web import PortTaken
    from bot.settings import Settings, SettingsProblem
    from bot.wiring import program

    try:
        settings = Settings.from_env(os.environ)
    except SettingsProblem as problem:
        print(f"Bolide cannot start:\n{problem}\n`python -m bot doctor` checks the whole set-up.", file=sys.stderr)
        return 2
    configure_logging([secret.reveal() for secret in settings.secrets()], sys.stderr)

    async def work() -> None:
        async with program.assemble(settings) as bolide:
            if command != "serve":
                await program.ensure_supervisor(settings)
            await running.run(bolide, serve=command != "work", work=command != "serve")

    try:
        asyncio.run(work())
    except (OSError, RuntimeError, ForgeRefused, InboxUnavailable, PortTaken) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    raise SystemExit(status)
