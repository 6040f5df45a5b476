"""The machinery behind the demo: its folder, ports, keys, and the bot's process."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.person import Person, Stuck, until
from bot.pipelines import control
from bot.sandbox.running import Sandbox

PORTS = {"github": 8300, "bot": 8301, "service": 8302}
Install = Callable[[], object]
"""What puts the bot on the repository."""
_MARK = "this-folder-is-made-by-make-demo"


@dataclass(frozen=True, slots=True)
class Keys:
    """What the App is registered with: the public key; private key and webhook secret lie in files of mode 0600."""

    public_key: str
    private_key_file: Path
    secret: str
    secret_file: Path


def fresh_folder(state: Path) -> Path:
    """The demo's folder, emptied; raises Stuck where it holds something else."""
    state = state.absolute()
    if state.exists() and not (state / _MARK).exists():
        raise Stuck(f"{state} exists and was not made by the demo; remove it or choose another --state.")
    asyncio.run(_stop_leftover(state))
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(mode=0o700, parents=True)
    (state / _MARK).touch()
    return state


async def _stop_leftover(state: Path) -> None:
    with contextlib.suppress(control.NoSupervisor):
        await control.Supervisor(state / "bot" / "service").stop()


def free_ports() -> dict[str, int]:
    """The demo's usual ports, or any free ones in place of those that are taken."""
    chosen = {}
    for name, port in PORTS.items():
        for wanted in (port, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", wanted))
                except OSError:
                    continue
                chosen[name] = probe.getsockname()[1]
                break
    return chosen


def make_keys(folder: Path) -> Keys:
    """A key pair and a webhook secret, made for this run alone."""
    folder.mkdir(mode=0o700)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = secrets.token_urlsafe(32)
    files = {"app.pem": pem, "webhook-secret": secret.encode()}
    for name, content in files.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    return Keys(public.decode(), folder / "app.pem", secret, folder / "webhook-secret")


@contextlib.asynccontextmanager
async def bot_process(
    state: Path, keys: Keys, app_id: int, api: str, ports: dict[str, int], probation: int
) -> AsyncIterator[None]:
    """`python -m bot run` beside the demo, ready for deliveries; stopped at the end, with the service."""
    home = state / "bot"
    environ = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    environ |= {name: value for name, value in os.environ.items() if name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    environ |= {
        "BOLIDE_PROBATION_SECONDS": str(probation),
        "GITHUB_APP_ID": str(app_id),
        "GITHUB_PRIVATE_KEY_FILE": str(keys.private_key_file),
        "GITHUB_WEBHOOK_SECRET_FILE": str(keys.secret_file),
        "GITHUB_API_URL": api,
        "BOLIDE_STATE_DIR": str(home),
        "BOLIDE_PORT": str(ports["bot"]),
        "BOLIDE_SERVICE_PORT": str(ports["service"]),
    }
    with (state / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL, env=environ
        )
    try:
        await until(lambda: _ready(process, ports["bot"]), f"The bot (its log: {state / 'bot.log'})", 60)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 30)
        with contextlib.suppress(control.NoSupervisor):
            await control.Supervisor(home / "service").stop()


@contextlib.asynccontextmanager
async def beside(
    sandbox: Sandbox, folder: Path, repository: str, maintainer: str, ports: dict[str, int], *, probation: int = 3
) -> AsyncIterator[tuple[Person, Install]]:
    """The maintainer as a person, and what installs the bot on the repository, while its process runs.

    What it deploys is on `probation` for so many seconds.
    """
    keys = make_keys(folder / "keys")
    hook = f"http://127.0.0.1:{ports['bot']}/webhook"
    app = sandbox.register_app("bolide", maintainer, keys.public_key, hook, keys.secret)
    headers = {"Authorization": f"Bearer {sandbox.token(maintainer)}"}
    async with (
        bot_process(folder, keys, app.id, sandbox.api_url, ports, probation),
        aiohttp.ClientSession(headers=headers) as session,
    ):
        yield Person(session, sandbox.api_url, repository), partial(sandbox.install_app, app, repository)


async def _ready(process: asyncio.subprocess.Process, port: int) -> bool | None:
    if process.returncode is not None:
        raise Stuck("The bot ended while it started; its log says why")
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return True if answer.status == 200 else None
    return None
