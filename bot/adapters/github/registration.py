"""The App that GitHub has registered from a manifest: its id and secrets, given once for a code."""

import re
from dataclasses import dataclass, field

import aiohttp

from bot.core.ports import ForgeRefused, ForgeUnavailable

TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered App; the key is PEM."""

    id: int
    slug: str
    page: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


async def convert(api_url: str, code: str) -> Registration:
    """The App of the code. Raises ForgeRefused for a code that is unknown, used or an hour old, ForgeUnavailable."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", code):
        raise ForgeRefused("GitHub's code is not of the form that GitHub gives; begin anew with `python -m bot setup`.")
    url = f"{api_url}/app-manifests/{code}/conversions"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "bolide"}
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(url, headers=headers, allow_redirects=False) as answer,
        ):
            told = await answer.json() if answer.status == 201 else None
    except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
        raise ForgeUnavailable(f"GitHub at {api_url} did not answer: {type(problem).__name__}.") from problem
    if told is None:
        raise ForgeRefused(
            f"GitHub answered {answer.status} to the code, which is good once and for an hour; begin anew."
        )
    try:
        return Registration(
            int(told["id"]), str(told["slug"]), str(told["html_url"]), str(told["pem"]), str(told["webhook_secret"])
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ForgeRefused("GitHub's answer does not hold the App's id, key and webhook secret.") from problem
