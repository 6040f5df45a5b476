"""Pages of the web that others name: over https, from public addresses only, bounded in size and redirects."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from bot.core.pipfile import PipfileError, is_private, refuse_url

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class PageRefused(Exception):
    """One sentence: the address must not be asked, or its answer goes beyond a bound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer: where it came from after redirects, and its whole body."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class WebPages:
    """Fetches pages. Hosts in `allowed` may be private or without TLS; the session belongs to the caller."""

    def __init__(
        self, session: aiohttp.ClientSession, patience: aiohttp.ClientTimeout, allowed: frozenset[str] = frozenset()
    ) -> None:
        self._session = session
        self._patience = patience
        self._allowed = allowed

    async def fetch(
        self, url: str, headers: Mapping[str, str], *, place: str, limit: int, method: str = "GET"
    ) -> Answer:
        """The page of at most `limit` bytes, after redirects that are each looked at; `place` names it in sentences.

        Raises PageRefused, TimeoutError, OSError, aiohttp.ClientError.
        """
        for _ in range(MAX_REDIRECTS + 1):
            try:
                refuse_url(url, place, self._allowed)
            except PipfileError as error:
                raise PageRefused(str(error)) from error
            asked = self._session.request(method, url, headers=headers, allow_redirects=False, timeout=self._patience)
            async with asked as response:
                if response.status not in _REDIRECTS:
                    return Answer(response.status, url, response.headers, await _bounded(response, place, limit))
                url = urljoin(url, response.headers.get("Location", ""))
        raise PageRefused(f"{_begun(place)} redirects more than {MAX_REDIRECTS} times.")


async def _bounded(response: aiohttp.ClientResponse, place: str, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > limit:
            raise PageRefused(f"{_begun(place)} sent more than {limit:,} bytes for one page; it was not read further.")
    return bytes(body)


def _begun(place: str) -> str:
    return f"{place[:1].upper()}{place[1:]}"


class PublicResolver(AbstractResolver):
    """Names to addresses, without those that point inside: a public name may be given a private address."""

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        self._inner = ThreadedResolver()
        self._allowed = allowed

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """The public addresses of a host; raises OSError where it has none."""
        found = await self._inner.resolve(host, port, family)  # type: ignore[arg-type]  # aiohttp's own default is a number
        public = [each for each in found if host in self._allowed or not is_private(each["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()
