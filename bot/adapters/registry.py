"""Container registries over the distribution protocol: what a tag points at now, asked without an account."""

import json
import re
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from bot.adapters.webpages import Answer, PageRefused, WebPages
from bot.core.baseimages import DIGEST, Image
from bot.core.errors import Refused, TryLater
from bot.core.pipfile import is_private

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_LARGEST = 100_000  # bytes of a token's answer
_AGAIN_AFTER = 600.0
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


class OciRegistry:
    """`baseimages.Registry`. The session belongs to the caller and resolves public addresses only."""

    def __init__(self, session: aiohttp.ClientSession, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._pages = WebPages(session, _TIMEOUT, allowed_hosts)
        self._allowed = allowed_hosts

    async def digest(self, image: Image) -> str:
        """The digest that the tag has now. Raises Refused (not there, not public) and TryLater."""
        host = urlsplit(f"//{image.host}").hostname or ""
        scheme = "http" if host in self._allowed and is_private(host) else "https"
        url = f"{scheme}://{image.host}/v2/{image.repository}/manifests/{quote(image.tag, safe='')}"
        answer = await self._ask(image, url, {"Accept": _ACCEPT})
        if answer.status == 401:
            token = await self._token(image, answer.headers.get("WWW-Authenticate", ""))
            answer = await self._ask(image, url, {"Accept": _ACCEPT, "Authorization": f"Bearer {token}"})
        if answer.status == 429 or answer.status >= 500:
            raise TryLater(f"The registry answered {answer.status} for {image.name}:{image.tag}.", _AGAIN_AFTER)
        found = answer.headers.get("Docker-Content-Digest", "")
        if answer.status != 200 or not DIGEST.fullmatch(found):
            raise Refused(f"{image.name}:{image.tag} is not there, or not public; correct its name.")
        return found

    async def _token(self, image: Image, challenge: str) -> str:
        """A token to read the image with, from where the registry sends everybody."""
        told = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if not challenge.lower().startswith("bearer ") or "realm" not in told:
            raise Refused(f"The registry wants a password for {image.name}, and none is given.")
        query = {"scope": f"repository:{image.repository}:pull"}
        query |= {"service": told["service"]} if "service" in told else {}
        answer = await self._ask(image, f"{told['realm']}?{urlencode(query)}", {}, method="GET")
        try:
            found = json.loads(answer.body) if answer.status == 200 else {}
            token = found.get("token") or found.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str):
            raise Refused(f"The registry gives no token to read {image.name} with; it is not public.")
        return token

    async def _ask(self, image: Image, url: str, headers: dict[str, str], method: str = "HEAD") -> Answer:
        try:
            place = f"the registry of {image.name}"
            return await self._pages.fetch(url, headers, place=place, limit=_LARGEST, method=method)
        except PageRefused as problem:
            raise Refused(str(problem)) from problem
        except (TimeoutError, OSError, aiohttp.ClientError) as problem:
            raise TryLater(f"The registry of {image.name} did not answer.", _AGAIN_AFTER) from problem
