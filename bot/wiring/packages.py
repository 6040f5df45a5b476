"""What knows of packages: all that a lock needs, and no more."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.adapters.attestations import IndexAttestations
from bot.adapters.gateway import Gateway, GatewayUv
from bot.adapters.pypi import MAX_AGE, SimpleIndex
from bot.adapters.registry import OciRegistry
from bot.adapters.releasenotes import WebReleaseNotes
from bot.adapters.resolver import UvResolver
from bot.adapters.webpages import PublicResolver

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Packages:
    """What knows of packages: the index, the resolver, and what packages say of their releases."""

    index: SimpleIndex
    resolver: UvResolver
    release_notes: WebReleaseNotes
    registry: OciRegistry
    attestations: IndexAttestations
    session: aiohttp.ClientSession


@contextlib.asynccontextmanager
async def open_packages(state: Path, allowed_hosts: frozenset[str] = frozenset()) -> AsyncIterator[Packages]:
    """Index, resolver and release notes with their caches in the state folder."""
    public = aiohttp.TCPConnector(resolver=PublicResolver(allowed_hosts))
    async with (
        aiohttp.ClientSession(trust_env=True) as session,
        aiohttp.ClientSession(trust_env=True, connector=public) as web,
    ):
        index = SimpleIndex(session, state / "index", allowed_hosts=allowed_hosts)
        environment = {name: os.environ[name] for name in CERTIFICATES if name in os.environ}
        notes = WebReleaseNotes(web, index, state / "changelogs", allowed_hosts=allowed_hosts)
        with tempfile.TemporaryDirectory(prefix="passing-") as passing:
            async with Gateway(index).listening() as gateway:
                options = {"environment": environment, "insecure_hosts": allowed_hosts, "max_age": MAX_AGE}
                uv = GatewayUv(state / "uv", gateway, passing=Path(passing), **options)
                registry = OciRegistry(web, allowed_hosts)
                attestations = IndexAttestations(web, state / "attestations", allowed_hosts=allowed_hosts)
                yield Packages(index, UvResolver(uv, index), notes, registry, attestations, session)
