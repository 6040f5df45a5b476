import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters.environments import Environments, Installed, InstallFailed, own_uv
from bot.core import lockfile
from tests.adapters.package_index import PackageIndex

LOCKS = Path(__file__).parents[1] / "data" / "flask-exporter" / "locks"

TOMLI = (
    "tomli==2.0.1 --hash=sha256:939de3e7a6161af0c887ef91b7d41a53e7c5a1ca976325f429cb46ea9bc30ecc"
    " --hash=sha256:de526c12914f0c550d15924c62d72abc48d6fe7364aa87328337a31007fe8a4f\n"
)


def made_in(root: Path, index_url: str = "https://pypi.org/simple", cache: Path | None = None) -> Environments:
    return Environments(root, uv=own_uv(), python=Path(sys.executable), index_url=index_url, cache=cache)


def said_by(installed: Installed, code: str) -> str:
    return subprocess.run([installed.python, "-c", code], capture_output=True, check=True, text=True).stdout


def checked(installed: Installed) -> str:
    command = [str(own_uv()), "pip", "check", "--no-config", "--python", str(installed.python)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stderr


def left_in(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.suffix != ".lock"}


@pytest.mark.network
@pytest.mark.enable_socket
async def test_one_environment_is_made_once_and_reused_by_all(tmp_path: Path) -> None:
    environments = made_in(tmp_path)
    first, second, third = await asyncio.gather(*(environments.install(TOMLI) for _ in range(3)))
    assert first.path == second.path == third.path
    assert sorted([first.reused, second.reused, third.reused]) == [False, True, True]
    # Another process with the same directory finds it too.
    again = await made_in(tmp_path).install(TOMLI)
    assert again.reused
    assert again.size_mb == first.size_mb > 0.03
    assert said_by(first, "import tomli; print(tomli.__name__)") == "tomli\n"
    assert left_in(tmp_path) == {first.path.name}


@pytest.mark.network
@pytest.mark.enable_socket
async def test_an_environment_that_lost_its_stamp_is_made_again(tmp_path: Path) -> None:
    environments = made_in(tmp_path)
    first = await environments.install(TOMLI)
    (first.path / "installed.json").write_text("{")
    again = await environments.install(TOMLI)
    assert not again.reused
    assert again.python.exists()


@pytest.mark.network
@pytest.mark.enable_socket
async def test_a_file_that_the_lock_does_not_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match=r"Hash mismatch for `tomli==2.0.1`: the index serves a file") as caught:
        await made_in(tmp_path, cache=tmp_path / "cache").install(f"tomli==2.0.1 --hash=sha256:{'0' * 64}\n")
    assert not caught.value.unreachable
    assert left_in(tmp_path) == {"cache"}


@pytest.mark.network
@pytest.mark.enable_socket
async def test_a_version_that_is_not_there_and_a_source_only_release_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match=r"no version of tomli==99\.0"):
        await made_in(tmp_path).install(f"tomli==99.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InstallFailed, match=r"pysqlite==2\.8\.3 has no usable wheels"):
        await made_in(tmp_path).install(
            "pysqlite==2.8.3 --hash=sha256:17d3335863e8cf8392eea71add33dab3f96d060666fe68ab7382469d307f4490\n"
        )


async def test_an_index_out_of_reach_is_not_the_fault_of_the_lock(tmp_path: Path) -> None:
    environments = made_in(tmp_path, "http://me:hidden@127.0.0.1:1/simple", cache=tmp_path / "cache")
    with pytest.raises(InstallFailed, match=r"index http://127\.0\.0\.1:1/simple did not answer") as caught:
        await environments.install(TOMLI)
    assert caught.value.unreachable
    assert "hidden" not in str(caught.value)


def locked(index: PackageIndex, name: str) -> str:
    return f"{name}==1.0 --hash={index.hashes(name, '1.0')[0]}\n"


def made_on_loopback(root: Path, index: PackageIndex) -> Environments:
    allowed = frozenset({"127.0.0.1"})
    return Environments(
        root / "made",
        uv=own_uv(),
        python=Path(sys.executable),
        index_url=index.url,
        cache=root / "cache",
        allowed_hosts=allowed,
    )


async def test_each_package_is_taken_from_the_index_that_has_the_locked_file(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index, PackageIndex().serve() as inner:
        index.add("app", "1.0")
        index.add("lib", "1.0", requires_python=">=3.9")
        inner.add("lib", "1.0", requires_python=">=3.8")  # under the same name another file
        inner.add("new", "1.0")
        requirements = locked(index, "app") + locked(inner, "lib") + locked(inner, "new")
        environments = made_on_loopback(tmp_path, index)
        with pytest.raises(InstallFailed, match=r"new was not found|Hash mismatch"):
            await environments.install(requirements)
        installed = await environments.install(requirements, {"outer": index.url, "inner": inner.url})
        found = sorted(path.name.split("-")[0] for path in installed.path.glob("lib/python*/site-packages/*.dist-info"))
        assert found == ["app", "lib", "new"]
        assert (await environments.install(requirements, {"inner": inner.url})).reused


async def test_a_file_that_two_indexes_have_differently_says_nothing_about_the_lock(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index, PackageIndex().serve() as inner:
        index.add("app", "1.0", requires_python=">=3.9")
        inner.add("app", "1.0", requires_python=">=3.8")
        with pytest.raises(InstallFailed, match="another one has a file of that name too") as caught:
            await made_on_loopback(tmp_path, index).install(locked(index, "app"), {"inner": inner.url})
    assert caught.value.unreachable


async def test_an_index_that_must_not_be_asked_is_not_asked_and_says_nothing_about_the_lock(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match=r"\[\[source\]\] inner: 169\.254\.169\.254 is a private address") as caught:
        await made_in(tmp_path).install(TOMLI, {"inner": "https://169.254.169.254/simple"})
    assert caught.value.unreachable


async def test_another_index_that_does_not_answer_is_named(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index:
        index.add("app", "1.0")
        environments, away = made_on_loopback(tmp_path, index), {"away": "http://me:hidden@127.0.0.1:1/simple"}
        with pytest.raises(InstallFailed, match=r"index http://127\.0\.0\.1:1/simple did not answer") as caught:
            await environments.install(locked(index, "app"), away)
    assert caught.value.unreachable
    assert "hidden" not in caught.value.sentence + caught.value.log_tail


@pytest.mark.network
@pytest.mark.enable_socket
@pytest.mark.parametrize("lock", ["flask-2.3.2-exporter-0.18.7", "flask-2.3.2-exporter-0.22.4"])
async def test_a_lock_that_breaks_at_run_time_is_one_without_a_fault_to_the_installer(
    tmp_path: Path, lock: str
) -> None:
    told = lockfile.parse((LOCKS / f"{lock}.lock").read_text())
    installed = await made_in(tmp_path).install(lockfile.requirements(told, ["packages"]))
    assert "All installed packages are compatible" in checked(installed)


async def test_pruning_keeps_the_last_used_and_those_in_use(tmp_path: Path) -> None:
    environments = made_in(tmp_path)
    made = [await environments.install(f"# {number}\n") for number in range(4)]
    await environments.install("# 0\n")  # used again: now the youngest
    assert await environments.prune(1, in_use=[made[1].path]) == 2
    assert [installed.path.exists() for installed in made] == [True, True, False, False]
    assert not (await environments.install("# 3\n")).reused


async def test_a_python_that_does_not_start_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(InstallFailed, match="does not start"):
        await Environments(tmp_path / "e", uv=own_uv(), python=broken).install("")
