"""Archives of a commit, fetched as from GitHub's codeload: the API redirects to an address that is good for a while."""

import hashlib
import hmac
import secrets

from aiohttp import web

from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import Repository
from bot.sandbox.errors import not_found
from bot.sandbox.forge import Forge

FORMS = {"tarball": ("tar.gz", "application/gzip"), "zipball": ("zip", "application/zip")}
LIFE = 300  # seconds


def archive_address(forge: Forge, repository: Repository, kind: str, sha: str) -> str:
    """Where the archive of a commit can be fetched for five minutes, without any other credentials."""
    ends = str(int(forge.clock().timestamp()) + LIFE)
    path = f"/{repository.full_name}/legacy.{FORMS[kind][0]}/{sha}"
    return forge.page(f"{path}?ends={ends}&token={_seal(forge, path, ends)}")


async def serve_archive(request: web.Request) -> web.Response:
    """The archive, for an address that the API gave and that has not ended."""
    forge = request.app[SERVICES].forge
    owner, repo, form, sha = (request.match_info[name] for name in ("owner", "repo", "form", "sha"))
    found = forge.repository(f"{owner}/{repo}")
    ends, token = request.query.get("ends", ""), request.query.get("token", "")
    sealed = hmac.compare_digest(token.encode(), _seal(forge, request.path, ends).encode())
    if found is None or not sealed or int(ends) < forge.clock().timestamp():
        raise not_found("There is no such archive.")
    media = next(media for suffix, media in FORMS.values() if suffix == form)
    folder = f"{found.full_name.replace('/', '-')}-{sha[:7]}"
    data = await forge.git(found).run("archive", f"--format={form}", f"--prefix={folder}/", sha)
    name = f'attachment; filename="{folder}.{form}"'
    return web.Response(body=data, content_type=media, headers={"Content-Disposition": name})


def _seal(forge: Forge, path: str, ends: str) -> str:
    key = forge.store.setting("archive-key")
    if key is None:
        key = secrets.token_hex(32)
        forge.store.set_setting("archive-key", key)
    return hmac.new(key.encode(), f"{path} {ends}".encode(), hashlib.sha256).hexdigest()
