"""`python -m bot.sandbox`: the sandbox in the foreground."""

import argparse
import asyncio
import contextlib
import errno
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox.actions import setup
from bot.sandbox.admin import read_folder
from bot.sandbox.errors import ApiError
from bot.sandbox.running import Sandbox, running_sandbox
from bot.sandbox.server import Options

GENERATE = "GENERATE"
LAST_PORT = 65_535


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="sandbox", description="A local GitHub on 127.0.0.1.")
    made.add_argument("--port", type=int, default=8100, help="where to listen (default: 8100)")
    made.add_argument("--state", type=Path, default=Path(".bolide/sandbox"), help="the folder that keeps everything")
    made.add_argument("--app-slug", default="bolide", help="the name of the App (default: bolide)")
    made.add_argument(
        "--app-key",
        metavar="FILE",
        help=f"the App's public key (PEM), or {GENERATE} for a new pair in the state folder",
    )
    made.add_argument("--owner", default="ada", help="the maintainer's login (default: ada)")
    made.add_argument("--webhook-url", default="", help="where the App's deliveries go")
    made.add_argument(
        "--webhook-secret-file", type=Path, help="a file that holds the secret deliveries are signed with"
    )
    made.add_argument("--repository", metavar="OWNER/NAME", help="a repository to make if there is none")
    made.add_argument("--folder", type=Path, help="the files of that repository")
    made.add_argument("--limits", action="store_true", help="enforce GitHub's rate limits")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run until interrupted; 0, or 1 with one sentence, or 2 for arguments that cannot be."""
    arguments = parser().parse_args(argv)
    try:
        check(arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(arguments))
    except (OSError, sqlite3.Error, ApiError) as error:
        print(_trouble(error, arguments), file=sys.stderr)
        return 1
    return 0


def check(arguments: argparse.Namespace) -> None:
    """Raise ValueError with a sentence that names an argument that cannot be, and what to give instead."""
    if not 0 <= arguments.port <= LAST_PORT:
        raise ValueError(f"--port {arguments.port} is no port: give a number up to {LAST_PORT}, or 0 for a free one.")
    for option, name in (("--owner", arguments.owner), ("--app-slug", arguments.app_slug)):
        if not setup.is_login(name):
            raise ValueError(f"{option} {name!r} is no name: give up to 39 letters, digits and single hyphens.")
    if arguments.repository is not None:
        owner, _, name = arguments.repository.partition("/")
        if not (setup.is_login(owner) and setup.is_repository_name(name)):
            example = f"{arguments.owner}/demo"
            raise ValueError(f"--repository {arguments.repository!r} is not OWNER/NAME: give both, such as {example}.")
    if arguments.folder and not arguments.repository:
        raise ValueError("--folder needs --repository: say which repository the files are for.")
    if arguments.folder and not arguments.folder.is_dir():
        raise ValueError(f"--folder {arguments.folder} is no folder: name the one that holds the repository's files.")
    if arguments.webhook_url and not arguments.webhook_url.startswith(("http://", "https://")):
        raise ValueError(f"--webhook-url {arguments.webhook_url!r} is no address: begin it with http:// or https://.")
    _read_files(arguments)


def _read_files(arguments: argparse.Namespace) -> None:
    arguments.public_key = arguments.secret = ""
    if arguments.webhook_secret_file:
        arguments.secret = _text("--webhook-secret-file", arguments.webhook_secret_file).strip()
    if arguments.app_key and arguments.app_key != GENERATE:
        arguments.public_key = _text("--app-key", Path(arguments.app_key))
        try:
            serialization.load_pem_public_key(arguments.public_key.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            remedy = f"name a file that begins with -----BEGIN PUBLIC KEY-----, or give {GENERATE} for a new pair"
            raise ValueError(f"--app-key {arguments.app_key} holds no public key in PEM: {remedy}.") from error


def _text(option: str, file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{option} {file} cannot be read as text: name a file that can.") from error


def _trouble(error: OSError | sqlite3.Error | ApiError, arguments: argparse.Namespace) -> str:
    match error:
        case OSError(errno=errno.EADDRINUSE):
            return f"Port {arguments.port} is taken: end what listens there, or choose another with --port."
        case OSError(errno=errno.EACCES, filename=None):
            return f"Port {arguments.port} is not for everybody: choose one above 1023 with --port."
        case ApiError():
            return (
                f"The sandbox cannot be prepared: {error.message}; choose another name, or another folder with --state."
            )
        case OSError(filename=str(name)) if not Path(name).is_relative_to(arguments.state.absolute()):
            return f"{name} cannot be used ({error.strerror}): choose another, or make it readable."
    return f"The state folder {arguments.state} cannot be used ({error}): choose another with --state."


async def _run(arguments: argparse.Namespace) -> None:
    options = Options(limits=arguments.limits)
    async with running_sandbox(arguments.state, arguments.port, options) as sandbox:
        print(
            f"The sandbox GitHub is at {sandbox.url}; REST {sandbox.api_url}, GraphQL {sandbox.graphql_url}", flush=True
        )
        await _prepare(sandbox, arguments)
        await asyncio.Event().wait()


async def _prepare(sandbox: Sandbox, arguments: argparse.Namespace) -> None:
    print(f"{arguments.owner}'s token: {sandbox.token(arguments.owner)}", flush=True)
    if arguments.repository and sandbox.services.forge.repository(arguments.repository) is None:
        await sandbox.create_repository(arguments.repository, read_folder(arguments.folder) if arguments.folder else {})
    if arguments.app_key:
        key = arguments.public_key or _generated_key(arguments.state)
        app = sandbox.register_app(arguments.app_slug, arguments.owner, key, arguments.webhook_url, arguments.secret)
        print(f"App {app.slug} has the id {app.id}.", flush=True)
        if arguments.repository:
            sandbox.install_app(app, arguments.repository)


def _generated_key(state: Path) -> str:
    private = state / "app.private.pem"
    if not private.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    loaded = serialization.load_pem_private_key(private.read_bytes(), None)
    print(f"The App's private key is in {private}.", flush=True)
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return loaded.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
