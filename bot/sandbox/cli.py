"""`python -m bot.sandbox`: the sandbox in the foreground."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox.admin import read_folder
from bot.sandbox.running import Sandbox, running_sandbox
from bot.sandbox.server import Options

GENERATE = "GENERATE"


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
    """Run until interrupted; 0, or 1 with one sentence."""
    arguments = parser().parse_args(argv)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(arguments))
    except (OSError, ValueError) as error:
        print(f"The sandbox cannot start on port {arguments.port}: {error}.", file=sys.stderr)
        return 1
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    options = Options(limits=arguments.limits)
    async with running_sandbox(arguments.state, arguments.port, options) as sandbox:
        print(
            f"The sandbox GitHub is at {sandbox.url}; REST {sandbox.api_url}, GraphQL {sandbox.graphql_url}", flush=True
        )
        await _prepare(sandbox, arguments)
        await asyncio.Event().wait()


async def _prepare(sandbox: Sandbox, arguments: argparse.Namespace) -> None:
    sandbox.token(arguments.owner)
    if arguments.repository and sandbox.services.forge.repository(arguments.repository) is None:
        await sandbox.create_repository(arguments.repository, read_folder(arguments.folder) if arguments.folder else {})
    if arguments.app_key:
        key = _public_key(arguments.app_key, arguments.state)
        secret = arguments.webhook_secret_file.read_text().strip() if arguments.webhook_secret_file else ""
        app = sandbox.register_app(arguments.app_slug, arguments.owner, key, arguments.webhook_url, secret)
        print(f"App {app.slug} has the id {app.id}.", flush=True)
        if arguments.repository:
            sandbox.install_app(app, arguments.repository)


def _public_key(source: str, state: Path) -> str:
    if source != GENERATE:
        return Path(source).read_text()
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
