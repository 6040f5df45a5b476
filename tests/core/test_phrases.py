"""Which texts are commands: a table, and the hostile ones beside it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import phrases
from bot.core.commands import (
    AdviseNow,
    BisectNow,
    CancelRelease,
    Command,
    ExplainPackage,
    Help,
    IgnorePackage,
    PreviewNow,
    RebaseNow,
    RecheckNow,
    ReleaseNow,
    ResumeDeployments,
    RetestNow,
    RetrainNow,
    RollBackNow,
    SecureNow,
    TellStatus,
    UnignorePackage,
    Unknown,
    UpdateNow,
    YankRelease,
)
from bot.core.texts import answer
from bot.core.versions import Exactly

TITLES: list[tuple[str, Command | None]] = [
    ("Kebechet update", UpdateNow()),
    (" kebechet Advise ", AdviseNow()),
    ("kebechet UPDATE", UpdateNow()),
    ("  Kebechet update\t", UpdateNow()),
    ("New major release", ReleaseNow("major")),
    ("New minor release", ReleaseNow("minor")),
    ("new PATCH release", ReleaseNow("patch")),
    ("New calendar release", ReleaseNow("calendar")),
    ("New pre-release", ReleaseNow("pre")),
    ("New pre- release", ReleaseNow("pre")),
    ("New build release", ReleaseNow("build")),
    ("  Finalize version \t", ReleaseNow("finalize")),
    ("1.2.3 release", ReleaseNow(Exactly("1.2.3"))),
    ("V1!2.0rc1 Release ", ReleaseNow(Exactly("1!2.0rc1"))),
    ("X.Y.Z release", Unknown("release", "write the version in place of X.Y.Z, in the title of a new issue.")),
    ("Initial release", None),
    ("release 1.2.3", None),
    ("1.2.3", None),
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
    ("/update docs-build", UpdateNow("docs-build")),
    ("/security", SecureNow()),
    ("/advise", AdviseNow()),
    ("/advise gpu", AdviseNow("gpu")),
    ("/explain Flask_Cors", ExplainPackage("flask-cors")),
    ("/explain", Unknown("explain")),
    ("/ignore Flask", IgnorePackage("flask")),
    ("/ignore protobuf >=5", IgnorePackage("protobuf", ">=5")),
    ("/ignore protobuf >=5,<6 Breaks tensorflow", IgnorePackage("protobuf", "<6,>=5", None, "Breaks tensorflow")),
    ("/ignore zope.interface too slow", IgnorePackage("zope-interface", "", None, "too slow")),
    (
        "/ignore protobuf ==5.* until 2027-01-31 until it is mended",
        IgnorePackage("protobuf", "==5.*", date(2027, 1, 31), "until it is mended"),
    ),
    ("/ignore protobuf until", Unknown("ignore")),
    ("/ignore protobuf until tomorrow", Unknown("ignore")),
    ("/unignore Flask", UnignorePackage("flask")),
    ("/rebase", RebaseNow()),
    ("/recheck", RecheckNow()),
    ("/bisect", BisectNow()),
    ("/status", TellStatus()),
    ("/help", Help()),
    ("@bolide help", Help()),
    ("/release major", ReleaseNow("major")),
    ("/release   minor", ReleaseNow("minor")),
    ("/release\tpatch", ReleaseNow("patch")),
    ("/release pre", ReleaseNow("pre")),
    ("/release v1.2.3", ReleaseNow(Exactly("v1.2.3"))),
    ("/release 1!2.0.dev3", ReleaseNow(Exactly("1!2.0.dev3"))),
    ("/release Cancel", CancelRelease()),
    ("/yank v1.2.3", YankRelease("1.2.3", "")),
    ("/yank 1.2.3 It eats 7s", YankRelease("1.2.3", "It eats 7s")),
    ("/yank", Unknown("yank")),
    ("/yank everything", Unknown("yank")),
    (f"/yank 1.2.3 {'x' * 201}", Unknown("yank")),
    ("@bolide release minor", ReleaseNow("minor")),
    # meant for Bolide, but no command
    ("/release", Unknown("release")),
    ("/release tiny", Unknown("release")),
    ("/release 1.2.3; rm -rf /", Unknown("release")),
    ("/release ../x", Unknown("release")),
    ("/relaese minor", Unknown("relaese")),
    ("/update now and then", Unknown("update")),
    ("/update ../x", Unknown("update")),
    ("/update $(x)", Unknown("update")),
    ("/status please", Unknown("status")),
    ("/ignore", Unknown("ignore")),
    ("/ignore ../x", Unknown("ignore")),
    ("/ignore --index-url=x", Unknown("ignore")),
    ("/ignore a;b", Unknown("ignore")),
    ("/ignore $(x)", Unknown("ignore")),
    ("/ignore " + "a" * 101, Unknown("ignore")),
    ("/ignore flask 1.2.3; rm -rf /", Unknown("ignore")),
    ("/ignore flask ; rm -rf /", Unknown("ignore")),
    ("/ignore flask >=", Unknown("ignore")),
    ("/ignore flask >=5 until 2027-02-30", Unknown("ignore")),
    ("/ignore flask " + "why " * 60, Unknown("ignore")),
    ("/unignore", Unknown("unignore")),
    ("/unignore flask now", Unknown("unignore")),
    ("/unignore ../x", Unknown("unignore")),
    ("/retrain", RetrainNow()),
    ("/retest", RetestNow()),
    ("/retest unit", Unknown("retest")),
    ("/rollback", RollBackNow()),
    ("/rollback prod", RollBackNow("prod")),
    ("/rollback prod it is slow", RollBackNow("prod", "it is slow")),
    ("/rollback ../x", Unknown("rollback")),
    ("/deploy resume", ResumeDeployments()),
    ("/deploy preview", PreviewNow()),
    ("/deploy preview now", Unknown("deploy")),
    ("/deploy", Unknown("deploy")),
    ("/deploy production", Unknown("deploy")),
    ("/updates", Unknown("updates")),
    ("/hepl", None),
    ("@bolide please update", Unknown("please")),
    ("@bolide frobnicate", Unknown("frobnicate")),
    # other bots' commands
    ("/lgtm", None),
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
    assert phrases.in_title(title) == command


@pytest.mark.parametrize(("body", "command"), COMMENTS)
def test_comments(body: str, command: Command | None) -> None:
    found = phrases.in_comment(body)
    assert (replace(found, reason="") if isinstance(found, Unknown) else found) == command


def test_the_table_is_long() -> None:
    assert len(TITLES) + len(COMMENTS) >= 60


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    for command in (phrases.in_comment(text), phrases.in_title(text), phrases.in_comment(f"/ignore {text}")):
        assert command is None or isinstance(command, Command)


@given(st.text(st.characters(categories=["Cf", "Cc", "Co"], exclude_characters="\r\n\t"), min_size=1))
def test_nothing_hidden_gets_into_a_command(hidden: str) -> None:
    assert phrases.in_comment(f"/up{hidden}date") is None


def test_the_answer_to_what_is_no_command_names_those_that_are() -> None:
    refusal = str(phrases.refuse_unknown(Unknown("relaese")))
    assert refusal == (
        "`/relaese` is not a command here; `/release calendar|major|minor|patch|pre|build|finalize|X.Y.Z|cancel` is. "
        "`/help` lists every command."
    )
    assert str(phrases.refuse_unknown(Unknown("dance"))).startswith("`/dance` is not a command here. `/help`")


def test_help_tells_what_each_command_does() -> None:
    said = answer.commands(phrases.FORMS)
    assert "- `/explain PACKAGE`: say why a package is locked as it is\n" in said
    assert said.count("\n- ") == len(phrases.FORMS)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("/ignore ../x", "`../x` is not the name of a package"),
        ("/ignore flask until tomorrow", "`tomorrow` is not a day; after `until` stands one such as 2027-01-31."),
        ("/ignore flask 1.2.3; rm -rf", "`1.2.3;` is not a version specifier"),
        ("/release", "Nothing is neither the kind of a release nor a version"),
        ("/rebase `now`", "`'now'` stands after it"),
    ],
)
def test_the_answer_to_wrong_words_shows_them_and_what_is_expected(body: str, wrong: str) -> None:
    command = phrases.in_comment(body)
    assert isinstance(command, Unknown)
    refusal = str(phrases.refuse_unknown(command))
    assert wrong in refusal
    assert f"Write `{phrases.FORMS[command.text]}`. `/help` lists every command." in refusal
