"""Who may command: role × form × what changes before it is carried out, through the deliveries that GitHub posts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from bot.core.authority import REFUSAL
from bot.core.ports import Permission, Unreadable
from tests.managers.world import World

GRACE = 41
"""The numeric id of who sends; in the events the login is `grace`."""
Setting = Callable[[World], object]
OWNERS = """\
approvers: [frank, chiefs]
reviewers: [rita]
filters:
  ".*": {approvers: [Fiona]}
  "docs/.*": {approvers: [dora]}
"""
ALIASES = "aliases:\n  chiefs: [Carla]\n  others: [olga]\n"


def stands(permission: Permission, login: str = "grace") -> Setting:
    """GitHub says this about the account now."""

    def set_up(world: World) -> None:
        world.repository.permissions[GRACE] = permission
        world.repository.logins[GRACE] = login

    return set_up


def named(login: str, files: Mapping[str, str | Unreadable]) -> Setting:
    """The account reads only, has this login now, and the default branch has these files."""

    def set_up(world: World) -> None:
        stands("read", login)(world)
        world.repository.push(files)

    return set_up


def owned(login: str) -> Setting:
    return named(login, {"OWNERS": OWNERS, "OWNERS_ALIASES": ALIASES})


def gone(world: World) -> None:
    world.repository.permissions.pop(GRACE, None)
    world.repository.logins.pop(GRACE, None)


MAINTAINERS = {".github/bolide.yaml": "maintainers: [Grace, Otto]\n"}
ROLES: dict[str, tuple[Setting, bool]] = {
    "admin": (stands("admin"), True),
    "maintain or write": (stands("write"), True),
    "triage or read": (stands("read"), False),
    "stranger": (stands("none"), False),
    "the account is gone": (gone, False),
    "configured maintainer": (named("grace", MAINTAINERS), True),
    "configured, and renamed to it since": (named("otto", MAINTAINERS), True),
    "configured under a login given up since": (named("grace-2", MAINTAINERS), False),
    "OWNERS approver": (owned("frank"), True),
    "OWNERS approver of every path": (owned("fiona"), True),
    "OWNERS approver by alias": (owned("carla"), True),
    "OWNERS reviewer": (owned("rita"), False),
    "OWNERS approver of a folder": (owned("dora"), False),
    "an account that calls itself like an alias": (owned("chiefs"), False),
    "in an alias that approves nothing": (owned("olga"), False),
    "OWNERS in a folder": (named("grace", {"docs/OWNERS": "approvers: [grace]\n"}), False),
    "OWNERS that is no YAML": (named("grace", {"OWNERS": "approvers: [grace\n"}), False),
    "OWNERS with a tag": (named("grace", {"OWNERS": "approvers: !x [grace]\n"}), False),
    "OWNERS that is a list": (named("grace", {"OWNERS": "- grace\n"}), False),
    "OWNERS with words for a list": (named("grace", {"OWNERS": "approvers: grace\n"}), False),
    "OWNERS with what is no login": (named("grace", {"OWNERS": "approvers: [1, 'grace hopper']\n"}), False),
    "OWNERS is a link": (named("grace", {"OWNERS": Unreadable("it is a symbolic link")}), False),
    "configuration that cannot be read": (named("grace", {".github/bolide.yaml": "maintainers: grace\n"}), False),
}


@dataclass(frozen=True, slots=True)
class Form:
    """A delivery about an issue: its title, or a comment on it, and what they were before an edit."""

    kind: str
    action: str
    title: str = "A question"
    comment: str | None = None
    before: dict[str, str] | None = None

    async def post(self, world: World, login: str = "grace", *, bot: bool = False) -> int:
        """It is sent about an issue of ada's; the issue's number."""
        issue = world.repository.issue()
        changes = {field: {"from": text} for field, text in (self.before or {}).items()}
        about = {"number": issue, "title": self.title, "user": {"id": 1, "login": "ada"}}
        body = {"action": self.action, "changes": changes, "issue": about, "comment": {"id": 9, "body": self.comment}}
        await world.post(self.kind, (login, GRACE), bot=bot, **body)
        return issue


def titled(title: str) -> Form:
    return Form("issues", "opened", title)


def said(text: str) -> Form:
    return Form("issue_comment", "created", comment=text)


def retitled(before: str, title: str) -> Form:
    return Form("issues", "edited", title, before={"title": before})


def edited(before: str, text: str) -> Form:
    return Form("issue_comment", "edited", comment=text, before={"body": before})


COMMANDS = {
    "a title": titled("Kebechet update"),
    "a comment": said("/update"),
    "a mention": said("@bolide update"),
    "ada's issue edited into a command": retitled("Kebechet is great", "Kebechet update"),
    "ada's comment edited into a command": edited("/hello", "/update\n\nplease"),
}
NO_COMMANDS = {
    "a quote": said("> /update"),
    "a code fence": said("```\n/update\n```"),
    "an HTML comment": said("<!--\n/update\n-->"),
    "with a zero-width character": said("/\u200bupdate"),
    "with a right-to-left character": said("/update\u202e"),
    "in the second line": said("Hello\n/update"),
    "a title with more words": titled("Kebechet update please"),
    "an edit below the command": edited("/update", "/update\n\nplease"),
    "a label on an issue with that title": Form("issues", "labeled", "Kebechet update"),
    "a comment that is deleted": Form("issue_comment", "deleted", comment="/update"),
}


def outcome(world: World, issue: int) -> str:
    """What is to be seen on the issue; a refusal is one comment that mentions nobody."""
    comments = {key: body for (number, key), body in world.repository.comments.items() if number == issue}
    if "refused" in comments:
        assert comments == {"refused": REFUSAL}
        assert "@" not in REFUSAL
        assert not world.repository.reactions
        assert not world.bot_branches()
        return "refused"
    return "done" if world.repository.reactions and comments else "nothing"


@pytest.mark.parametrize("form", COMMANDS)
@pytest.mark.parametrize("role", ROLES)
async def test_the_role_decides(role: str, form: str) -> None:
    set_up, may = ROLES[role]
    world = World()
    set_up(world)
    issue = await COMMANDS[form].post(world)
    await world.settle()
    assert outcome(world, issue) == ("done" if may else "refused")


@pytest.mark.parametrize("form", COMMANDS)
@pytest.mark.parametrize("role", ROLES)
async def test_the_role_of_the_moment_of_execution_decides(role: str, form: str) -> None:
    """Who may is revoked, who may not is granted write, between the delivery and the work."""
    set_up, may = ROLES[role]
    world = World()
    set_up(world)
    issue = await COMMANDS[form].post(world)
    if may:
        stands("read")(world)
        world.repository.push({"OWNERS": "", "OWNERS_ALIASES": "", ".github/bolide.yaml": ""})
    else:
        stands("write")(world)
    await world.settle()
    assert outcome(world, issue) == ("refused" if may else "done")


@pytest.mark.parametrize("form", COMMANDS)
@pytest.mark.parametrize("permission", ["admin", "write", "read"])
async def test_a_bot_is_refused_whatever_it_may(permission: Permission, form: str) -> None:
    world = World()
    stands(permission, "grace[bot]")(world)
    issue = await COMMANDS[form].post(world, "grace[bot]", bot=True)
    await world.settle()
    assert outcome(world, issue) == "refused"


@pytest.mark.parametrize("form", NO_COMMANDS)
@pytest.mark.parametrize("role", ["admin", "triage or read", "configured maintainer"])
async def test_what_is_no_command_is_none_whoever_sends_it(role: str, form: str) -> None:
    world = World()
    ROLES[role][0](world)
    issue = await NO_COMMANDS[form].post(world)
    await world.settle()
    assert outcome(world, issue) == "nothing"
    assert not world.bot_branches()


async def test_a_login_that_passed_to_somebody_else_gives_nothing() -> None:
    world = World()
    world.repository.permissions[GRACE], world.repository.logins[GRACE] = "none", "grace"
    issue = await COMMANDS["a comment"].post(world, "ada")
    await world.settle()
    assert outcome(world, issue) == "refused"


async def test_twenty_strangers_get_one_reply() -> None:
    world = World()
    issue = world.repository.issue()
    for number in range(100, 120):
        await world.commented(issue, "/update", (f"user-{number}", number), comment=number)
    assert world.repository.writes == [f"comment on #{issue}: refused"]
