"""`advise`, `explain` and `rules` as a person runs them on a folder, with an index on loopback."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from bot.__main__ import main
from bot.core.errors import Refused
from bot.terminal import rules
from bot.terminal.desk import in_words
from tests.adapters.package_index import PackageIndex
from tests.npm import installed

OLD = datetime(2025, 1, 1, tzinfo=UTC)
YAML = """\
id: PYSEC-5
modified: "2024-05-06T00:00:00Z"
affected:
- package: {name: lib, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: 1.1}]
references: [{type: ADVISORY, url: "https://example.org/PYSEC-5"}]
"""
Say = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def index() -> AsyncIterator[PackageIndex]:
    async with PackageIndex().serve() as index:
        index.add("app", "1.0", "lib>=1,<2", uploaded=OLD)
        for version in ("1.0", "1.1", "2.0"):
            index.add("lib", version, uploaded=OLD)
        yield index


@pytest.fixture
def folder(tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose lock has a vulnerable package."""
    project = tmp_path / "project"
    project.mkdir()
    source = f'[[source]]\nname = "local"\nurl = "{index.url}"\nverify_ssl = false\n\n[packages]\n'
    (project / "Pipfile").write_text(source + 'app = "*"\n')
    pins = {name: {"version": "==1.0", "hashes": index.hashes(name, "1.0")} for name in ("app", "lib")}
    meta = {"hash": {"sha256": "0" * 64}, "pipfile-spec": 6, "requires": {}, "sources": []}
    (project / "Pipfile.lock").write_text(json.dumps({"_meta": meta, "default": pins, "develop": {}}))
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "PYSEC-5.yaml").write_text(YAML)
    monkeypatch.setenv("BOLIDE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BOLIDE_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("BOLIDE_ADVISORIES", str(tmp_path / "osv"))
    monkeypatch.setenv("COLUMNS", "200")
    return project


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    async def run(*words: object) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, [str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


async def test_advice_is_a_table_and_an_exit_status(folder: Path, say: Say) -> None:
    code, out, _ = await say("advise", folder)
    assert code == 1
    assert "Pipfile.lock (latest): 1 error, 1 warning; another lock is better" in out
    assert "lib 1.0: it is affected by PYSEC-5 (fixed in 1.1)." in out
    assert "lib 1.0 → 1.1: others require it." in out
    assert "as of 2024-05-06." in out


async def test_advice_is_json_with_the_better_lock(folder: Path, say: Say) -> None:
    code, out, _ = await say("advise", folder, "--json", "--type", "security")
    told = json.loads(out)["Pipfile.lock"]
    assert (code, told["type"]) == (1, "security")
    assert told["lock"]["default"]["lib"]["version"] == "==1.1"
    assert set(told["rows"][0]) == {"type", "message", "link", "package", "source", "date"}
    (folder / "Pipfile.lock").write_text(json.dumps(told["lock"]))
    code, out, _ = await say("advise", folder, "--json")
    assert (code, json.loads(out)["Pipfile.lock"]["lock"]) == (0, None)


async def test_advice_is_sarif(folder: Path, say: Say) -> None:
    code, out, _ = await say("advise", folder, "--sarif")
    told = json.loads(out)
    assert (code, told["version"]) == (1, "2.1.0")
    (run,) = told["runs"]
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("package/lib", "error")
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "Pipfile.lock"
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {result["ruleId"] for result in run["results"]}


async def test_sarif_is_valid_by_its_own_schema(folder: Path, say: Say) -> None:
    package = "@microsoft/jest-sarif"
    place = installed(package, "1.0.0-beta.0") / "node_modules" / package / "lib" / "schemas"
    official = (place / "sarif-2.1.0-rtm.5.json").read_text().replace("{2}]?$", "{2}$")  # it has a bracket too many
    schema = jsonschema_rs.Draft7Validator(json.loads(official))
    _, out, _ = await say("advise", folder, "--sarif")
    schema.validate(json.loads(out))
    assert not schema.is_valid({**json.loads(out), "version": "2.0"})
    (folder / "Pipfile.lock").write_text(json.dumps(await _better(folder, say)))
    _, out, _ = await say("advise", folder, "--sarif")
    assert json.loads(out)["runs"][0]["results"] == []
    schema.validate(json.loads(out))
    for broken, text in (("overlays/gpu", "x ="), ("overlays/cpu", "y =")):
        (folder / broken).mkdir(parents=True)
        (folder / broken / "Pipfile").write_text(text)
    _, out, _ = await say("advise", folder, "--sarif")
    schema.validate(json.loads(out))


async def test_a_lock_without_advice_does_not_hide_the_others(folder: Path, say: Say) -> None:
    overlay = folder / "overlays" / "gpu"
    overlay.mkdir(parents=True)
    (overlay / "Pipfile").write_text("x =")
    code, out, err = await say("advise", folder)
    assert (code, "Pipfile.lock (latest): 1 error" in out) == (2, True)
    assert "No advice on overlays/gpu/Pipfile.lock: The Pipfile is not TOML" in err
    _, out, _ = await say("advise", folder, "--json")
    assert "is not TOML" in json.loads(out)["overlays/gpu/Pipfile.lock"]["trouble"]
    _, out, _ = await say("advise", folder, "--sarif")
    (invocation,) = json.loads(out)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "No advice on overlays/gpu" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    code, out, _ = await say("explain", "lib", folder)
    assert (code, "app 1.0 requires it" in out) == (0, True)


async def test_a_lock_that_cannot_be_made_again_is_judged_all_the_same(
    folder: Path, index: PackageIndex, say: Say
) -> None:
    pipfile = folder / "Pipfile"
    pipfile.write_text(pipfile.read_text() + 'needs-a-build = "*"\n')
    index.add("needs-a-build", "1.0", uploaded=OLD, sdist_only=True)
    code, out, _ = await say("advise", folder)
    assert (code, "lib 1.0: it is affected by PYSEC-5" in out) == (1, True)
    assert "No other lock can be made: " in out
    code, out, _ = await say("explain", "lib", folder)
    assert (code, "Which packages require it is unknown, since the lock cannot be made again" in out) == (0, True)
    (folder / "Pipfile.lock").unlink()
    code, _, err = await say("advise", folder)
    assert (code, "never runs a package's build" in err) == (2, True)


async def _better(folder: Path, say: Say) -> Any:
    _, out, _ = await say("advise", folder, "--json", "--type", "security")
    return json.loads(out)["Pipfile.lock"]["lock"]


async def test_a_package_is_explained_or_refused(folder: Path, say: Say) -> None:
    code, out, _ = await say("explain", "lib", folder)
    assert code == 0
    assert "app 1.0 requires it: <2,>=1." in out
    assert "Against the locked version: it is affected by PYSEC-5 (fixed in 1.1)" in out
    assert "2.0 is not locked: app 1.0 asks for <2,>=1." in out
    assert (await say("explain", "LIB", folder))[1] == out
    code, _, err = await say("explain", "numpy", folder)
    assert (code, "numpy is not in the lock" in err) == (2, True)
    code, _, err = await say("explain", "../x", folder)
    assert (code, "`../x` is not the name of a package." in err) == (2, True)
    (folder / ".github").mkdir()
    (folder / ".github" / "bolide.yaml").write_text("updates: {ignore: [{package: lib, reason: Slow}]}\n")
    assert "1.1 is not locked: it is ignored (configuration): Slow." in (await say("explain", "lib", folder))[1]
    (folder / "Pipfile.lock").unlink()
    code, _, err = await say("explain", "lib", folder)
    assert (code, "There is no lock yet" in err) == (2, True)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda folder: (folder / "Pipfile").write_text("x ="), "is not TOML"),
        (lambda folder: (folder / "Pipfile").unlink(), "There is no Pipfile"),
        (lambda folder: (folder / "Pipfile.lock").write_bytes(b"\xff"), "it is not text in UTF-8"),
    ],
)
async def test_what_cannot_be_advised_on_ends_with_2(
    prepare: Callable[[Path], object], reason: str, folder: Path, say: Say
) -> None:
    prepare(folder)
    code, _, err = await say("advise", folder)
    assert code == 2
    assert "Traceback" not in err
    assert reason in err


def test_a_disk_that_takes_nothing_is_named_with_the_remedy(tmp_path: Path) -> None:
    problem = OSError(errno.EROFS, "Read-only file system", "/home/ada/.cache")
    assert in_words(problem, tmp_path) == (
        "/home/ada/.cache: Read-only file system; free it, or set BOLIDE_STATE_DIR to a folder that can be written."
    )
    assert in_words(OSError(errno.ENOSPC, "No space left on device"), tmp_path).startswith(f"{tmp_path}: No space")
    assert in_words(Refused("There is no lock."), tmp_path) == "There is no lock."


async def test_no_folder_and_no_rules_are_said(folder: Path, say: Say, tmp_path: Path) -> None:
    code, _, err = await say("advise", tmp_path / "nothing")
    assert (code, "is not a folder" in err) == (2, True)
    code, out, _ = await say("rules")
    assert (code, "0 problems" in out) == (0, True)
    (tmp_path / "mine.yaml").write_text("units: {steps: [{name: X}], hops: []}")
    code, out, _ = await say("rules", tmp_path / "mine.yaml")
    assert (code, "X can never match" in out, "`hops` is no kind of unit" in out) == (1, True, True)
    assert rules.main(tmp_path / "absent", date(2026, 11, 23)) == 2
