"""A release on its way: tag, draft, files, publication; after any failure it goes on from what is there."""

from typing import Any
from urllib.parse import quote

from bot.adapters.github.line import File, Question
from bot.adapters.github.making import Maker
from bot.adapters.github.session import RepositorySession
from bot.core.plan import Asset, Release, YankRelease
from bot.core.ports import ForgeRefused

_YANKED = "<!-- bolide:yanked -->"


class Publication:
    """One release. Its Release stays a draft, which only writers see, until every file is there."""

    def __init__(self, session: RepositorySession, maker: Maker, release: Release) -> None:
        self._session, self._maker, self._release = session, maker, release

    async def make(self) -> str:
        """The URL of the published Release. ForgeRefused when the tag is on another commit."""
        release = self._release
        commit = await self._maker.make_sure(self._look_for_tag, self._create_tag)
        if commit != release.sha:
            raise ForgeRefused(f"{release.tag} is on {commit[:8]} already, not on {release.sha[:8]}; choose another.")
        found = await published(self._session, release.tag)
        if found is not None:
            return str(found["html_url"])
        draft = await self._maker.make_sure(self._look_for_draft, self._create_draft)
        if draft["draft"]:
            for asset in release.assets:
                await self._upload(draft, asset)
            answer = await self._maker.change("PATCH", f"releases/{draft['id']}", {"draft": False})
            return str(answer.data["html_url"])
        return str(draft["html_url"])

    async def _look_for_tag(self) -> str | None:
        path = f"{self._session.path}/git/ref/tags/{quote(self._release.tag)}"
        answer = await self._session.read(path, missing_is_fine=True)
        if answer.status == 404:
            return None
        target = answer.data["object"]
        if target["type"] != "tag":
            return str(target["sha"])
        tag = await self._session.read(f"{self._session.path}/git/tags/{target['sha']}")
        return str(tag.data["object"]["sha"])

    async def _create_tag(self) -> None:
        release = self._release
        tag = {"tag": release.tag, "message": release.name, "object": release.sha, "type": "commit"}
        made = (await self._maker.create("git/tags", tag)).data["sha"]
        await self._maker.create("git/refs", {"ref": f"refs/tags/{release.tag}", "sha": made})

    async def _look_for_draft(self) -> dict[str, Any] | None:
        """The Release of the tag, also while it is a draft, which GitHub does not find by its tag."""
        answer = await self._session.read(f"{self._session.path}/releases?per_page=30")
        return next((found for found in answer.data if found["tag_name"] == self._release.tag), None)

    async def _create_draft(self) -> None:
        release = self._release
        data = {"tag_name": release.tag, "name": release.name, "body": release.notes, "draft": True}
        await self._maker.create("releases", {**data, "prerelease": release.prerelease})

    async def _upload(self, draft: dict[str, Any], asset: Asset) -> None:
        content = asset.text.encode()
        path = f"{self._session.path}/releases/{draft['id']}/assets"

        async def look() -> bool | None:
            for found in (await self._session.read(f"{path}?per_page=100")).data:
                if found["name"] == asset.name:
                    if found["state"] == "uploaded" and found["size"] == len(content):
                        return True
                    # An upload that broke off leaves its beginning behind.
                    await self._session.repeat("DELETE", f"{self._session.path}/releases/assets/{found['id']}")
            return None

        async def create() -> None:
            address = draft["upload_url"].partition("{")[0]
            question = Question("POST", f"{address}?name={quote(asset.name)}", file=File(asset.media, content))
            await self._maker.send(question)

        await self._maker.once(look, create)


async def published(session: RepositorySession, tag: str) -> dict[str, Any] | None:
    """The published Release of a tag."""
    answer = await session.read(f"{session.path}/releases/tags/{quote(tag)}", missing_is_fine=True)
    return None if answer.status == 404 else dict(answer.data)


async def mark_yanked(session: RepositorySession, maker: Maker, yank: YankRelease) -> None:
    """The Release with the warning first; as a pre-release it is not the latest. ForgeRefused without one."""
    found = await published(session, yank.tag)
    if found is None:
        raise ForgeRefused(f"{session.repository.name} has no GitHub Release of {yank.tag}.")
    notes = found["body"] or ""
    if _YANKED not in notes:
        name = f"{found['name'] or yank.tag} (yanked)"
        data = {"name": name, "body": f"{yank.warning}\n{_YANKED}\n\n{notes}", "prerelease": True}
        await maker.change("PATCH", f"releases/{found['id']}", data)
