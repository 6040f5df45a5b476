"""Which releases may be proposed, and how the lock tells of them."""

from datetime import UTC, datetime

import pytest

from bot.core.candidates import Target, fits_tags, held_back, newest, unusable
from bot.core.changes import diff
from bot.core.locking import Asked, Pin, asked, left_out, section
from bot.core.packages import File, FileKind, Project
from bot.core.pipfile import Requirement, parse

TARGET = Target("3.11.4", frozenset({"py3-none-any", "cp311-cp311-manylinux_2_28_x86_64"}))


def file(
    version: str, *, kind: FileKind = "wheel", tag: str = "py3-none-any", python: str = "", yanked: bool = False
) -> File:
    name = f"app-{version}-{tag}.whl" if kind == "wheel" else f"app-{version}.tar.gz"
    uploaded = datetime(2026, 1, 1, tzinfo=UTC)
    return File(name, version, "ab" * 32, 10, uploaded, python, yanked, kind, f"https://x/{name}", has_metadata=False)


def project(*files: File) -> Project:
    return Project("app", {one.version: tuple(f for f in files if f.version == one.version) for one in files})


def wanted(entry: str) -> Requirement:
    return parse(f"[packages]\napp = {entry}\n").categories["packages"]["app"]


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        ((), "the index does not have it any more"),
        ((file("1", yanked=True),), "it was yanked"),
        ((file("1", python=">=3.12"),), "it needs Python >=3.12"),
        ((file("1", kind="sdist"),), "it needs a build: the index has no wheel of it for this platform"),
        ((file("1", tag="cp310-cp310-win_amd64"),), "it needs a build: the index has no wheel of it for this platform"),
        ((file("1", yanked=True), file("1")), ""),
        ((file("1", python="three"),), ""),
        ((file("1", tag="cp310.cp311-cp311-manylinux_2_17_x86_64.manylinux_2_28_x86_64"),), ""),
    ],
)
def test_why_a_release_cannot_be_used(release: tuple[File, ...], reason: str) -> None:
    assert unusable(release, TARGET) == reason


def test_tags_that_cannot_be_read_fit_nothing() -> None:
    assert not fits_tags("app-1.whl", TARGET.tags)
    assert fits_tags("app-1-py2-none-any.whl", frozenset())


def test_the_newest_release_is_final_whole_and_a_version() -> None:
    assert (
        str(newest(project(file("1.9"), file("1.10"), file("2.0rc1"), file("3", yanked=True), file("odd")))) == "1.10"
    )
    assert newest(project(file("2.0rc1"))) is None


@pytest.mark.parametrize(
    ("entry", "reason"),
    [("'<2'", "the Pipfile asks for <2"), ("'*'", "another package does not allow it")],
)
def test_why_a_package_is_not_at_its_newest_release(entry: str, reason: str) -> None:
    found = held_back(wanted(entry), "1.0", project(file("1.0"), file("2.0")), TARGET, None)
    assert found
    assert (found.latest, found.reason) == ("2.0", reason)
    assert held_back(wanted(entry), "2.0", project(file("2.0")), TARGET, None) is None


def test_what_several_parents_ask_for_holds_only_where_they_agree() -> None:
    environment = {"sys_platform": "linux", "python_version": "3.11"}
    one = (('lib>=1 ; sys_platform != "win32"', "not ; a requirement ;", 'lib ; sys_platform == "win32"'), ())
    other = (("Lib",), ())
    assert asked("lib", [one], environment) == Asked("lib", 'sys_platform != "win32"')
    assert asked("lib", [one, other], environment) == Asked("lib", "")
    assert asked("lib", [((), ())], environment) == Asked("lib", "")


def test_an_exact_version_that_does_not_apply_here_keeps_its_hashes() -> None:
    requirement = wanted("{version = '==1.0', markers = \"os_name == 'nt'\"}")
    assert left_out(requirement, (file("1.0"),), {}) == {
        "hashes": [f"sha256:{'ab' * 32}"],
        "markers": "os_name == 'nt'",
        "version": "==1.0",
    }
    assert left_out(wanted("{markers = \"os_name == 'nt'\"}"), (), {"version": "==0.9"})["version"] == "==0.9"


def test_no_binary_is_passed_on() -> None:
    requirement = wanted("{version = '*', no_binary = true}")
    pin = Pin("app", "1.0", (), (), "https://pypi.org/simple")
    assert section({"app": requirement}, {"app": pin}, {"app": (file("1.0"),)}, {}, "pypi")["app"]["no_binary"] is True


def test_what_is_not_a_version_can_be_neither_older_nor_newer() -> None:
    old, new = ({"_meta": {}, "default": {"app": {"git": "x", "ref": ref}}} for ref in ("aaa", "bbb"))
    assert [change.kind for change in diff(old, new, parse(""))] == ["updated"]
    assert not wanted("'>=1'").admits("bbb")
