"""Which texts are commands: a table, and the hostile ones beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import commands
from bot.core.commands import Command, Help, ReleaseNow, Unknown, UpdateNow

TITLES: list[tuple[str, Command | None]] = [
    ("Kebechet update", UpdateNow()),
    ("kebechet UPDATE", UpdateNow()),
    ("  Kebechet update\t", UpdateNow()),
    ("New major release", ReleaseNow("major")),
    ("New minor release", ReleaseNow("minor")),
    ("new PATCH release", ReleaseNow("patch")),
    ("New minor release!", None),
    ("Re: New minor release", None),
    ("New  minor release", None),
    ("New minor", None),
    ("Kebechet", None),
    ("", None),
    ("/update", None),
    ("Kebechet up\u200bdate", None),
    ("\u202eKebechet update", None),
    ("Kebechet update\u0000", None),
    ("\u212aebechet update", None),
    ("Kebechet\u00a0update", None),
]
COMMENTS: list[tuple[str, Command | None]] = [
    ("/update", UpdateNow()),
    ("/UPDATE", UpdateNow()),
    ("/update   ", UpdateNow()),
    ("\n\n/update", UpdateNow()),
    ("/update\nbecause flask is old", UpdateNow()),
    ("/update\r\nbecause", UpdateNow()),
    ("@bolide update", UpdateNow()),
    ("@Bolide\tUpdate", UpdateNow()),
    ("/help", Help()),
    ("@bolide help", Help()),
    ("/release major", ReleaseNow("major")),
    ("/release   minor", ReleaseNow("minor")),
    ("/release\tpatch", ReleaseNow("patch")),
    ("@bolide release minor", ReleaseNow("minor")),
    # meant for Bolide, but no command
    ("/release", Unknown("release")),
    ("/release tiny", Unknown("release")),
    ("/release 1.2.3; rm -rf /", Unknown("release")),
    ("/release ../x", Unknown("release")),
    ("/relaese minor", Unknown("relaese")),
    ("/update now", Unknown("update")),
    ("/updates", Unknown("updates")),
    ("/hepl", None),
    ("@bolide please update", Unknown("please")),
    ("@bolide frobnicate", Unknown("frobnicate")),
    # other bots' commands
    ("/lgtm", None),
    ("/retest", None),
    ("/approve cancel", None),
    ("/hold", None),
    ("/assign @ada", None),
    # no command at all
    ("", None),
    ("update", None),
    ("please /update", None),
    ("thanks!\n/update", None),
    (" /update", None),
    ("    /update", None),
    ("\t/update", None),
    ("> /update", None),
    (">/update", None),
    ("`/update`", None),
    ("**/update**", None),
    ("- /update", None),
    ("```\n/update\n```", None),
    ("~~~\n/update\n~~~", None),
    ("<!-- /update -->", None),
    ("<!--\n/update\n-->", None),
    ("<details>\n/update", None),
    ("//update", None),
    ("/ update", None),
    ("/update/x", None),
    ("/usr/bin/python fails", None),
    ("/update\u200b", None),
    ("/\u200bupdate", None),
    ("/up\u00addate", None),
    ("/update\u202e", None),
    ("\u2066/update\u2069", None),
    ("\ufeff/update", None),
    ("/update\u0000", None),
    ("/update\rignored", None),
    ("/\uff55pdate", None),
    ("\u2215update", None),
    ("@bolide", None),
    ("@bolide2 update", None),
    ("@bolide\nupdate", None),
    ("ada@bolide update", None),
    ("/" + "a" * 100_000, None),
    ("@bolide " + "a" * 41, None),
]


@pytest.mark.parametrize(("title", "command"), TITLES)
def test_titles(title: str, command: Command | None) -> None:
    assert commands.in_title(title) == command


@pytest.mark.parametrize(("body", "command"), COMMENTS)
def test_comments(body: str, command: Command | None) -> None:
    assert commands.in_comment(body) == command


def test_the_table_is_long() -> None:
    assert len(TITLES) + len(COMMENTS) >= 60


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    for command in (commands.in_comment(text), commands.in_title(text), commands.in_comment(f"/release {text}")):
        assert command is None or isinstance(command, Command)


@given(st.text(st.characters(categories=["Cf", "Cc", "Co"], exclude_characters="\r\n\t"), min_size=1))
def test_nothing_hidden_gets_into_a_command(hidden: str) -> None:
    assert commands.in_comment(f"/up{hidden}date") is None


def test_the_answer_to_what_is_no_command_names_those_that_are() -> None:
    refusal = str(commands.refuse_unknown(Unknown("relaese")))
    assert "`/relaese` is not a command here" in refusal
    assert commands.USAGE in refusal
