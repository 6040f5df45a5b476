"""A repository without a configuration, and the people around it, through the door of the sandbox."""

from pathlib import Path

import yaml

from bot.core import onboarding, repoconfig
from bot.core.authority import REFUSAL
from bot.core.labels import OURS
from tests.flow.town import REPOSITORY, Town, town
from tests.sandbox.harness import as_user

FILES: dict[str, bytes | str] = {"version.py": '__version__ = "1.0.0"\n', "OWNERS": "approvers: [olga]\n"}


async def test_the_first_pull_request_sets_the_repository_up(tmp_path: Path) -> None:
    async with town(tmp_path, FILES) as here:
        here.install()
        pull = await here.wait(lambda: here.ada.open_pull_request(onboarding.BRANCH), "the configuration")
        assert [each["title"] for each in await here.ada.get("/pulls?state=all")] == ["Set up Bolide"]
        assert {label.name for label in OURS} <= {label["name"] for label in await here.ada.get("/labels?per_page=100")}
        (changed,) = await here.ada.get(f"/pulls/{pull['number']}/files")
        assert changed["filename"] == repoconfig.PATH
        await here.ada.merge(pull["number"])
        issue = await here.ada.open_issue("New minor release")
        proposal = await here.wait(lambda: here.ada.open_pull_request("bolide/release"), "the release")
        assert "1.1.0" in proposal["title"]
        assert issue


async def said(here: Town, issue: int) -> list[str]:
    return [comment["body"] for comment in await here.ada.get(f"/issues/{issue}/comments")]


async def test_who_may_not_command_gets_one_quiet_answer_and_an_approver_is_heard(tmp_path: Path) -> None:
    async with town(tmp_path, {**FILES, repoconfig.PATH: yaml.safe_dump({"cooldown_days": 1})}) as here:
        here.install()
        issue = await here.ada.open_issue("A question")
        for login, role in (("rob", "triage"), ("rita", "read"), ("olga", "read")):
            here.sandbox.set_role(REPOSITORY, login, role)

        async def refused() -> list[str] | None:
            return [body for body in await said(here, issue) if REFUSAL in body] or None

        async with as_user(here.sandbox, "rob") as rob, as_user(here.sandbox, "rita") as rita:
            await rita("POST", f"/repos/{REPOSITORY}/issues/{issue}/comments", {"body": "/help"})
            # Triage may edit ada's issue: the command that it becomes is rob's.
            status, _ = await rob("PATCH", f"/repos/{REPOSITORY}/issues/{issue}", {"title": "Kebechet update"})
            assert status == 200
            await here.wait(refused, "the refusal")
            await here.sandbox.delivered()
        async with as_user(here.sandbox, "olga") as olga:
            await olga("POST", f"/repos/{REPOSITORY}/issues/{issue}/comments", {"body": "/help"})

        async def helped() -> bool | None:
            return any("`/help`" in body for body in await said(here, issue)) or None

        await here.wait(helped, "the answer to the approver")
        bodies = await said(here, issue)
        assert sum(REFUSAL in body for body in bodies) == 1
        assert not any("@" in body for body in bodies if REFUSAL in body)
