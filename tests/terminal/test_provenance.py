"""`provenance` as a person runs it on a folder, with an index on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.adapters.package_index import PackageIndex
from tests.adapters.test_attestations import GITHUB, HASHES, recorded

Say = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def index() -> AsyncIterator[PackageIndex]:
    async with PackageIndex().serve() as index:
        index.add("flask", "3.1.0")
        index.attest("pypi-attestations", GITHUB, HASHES[GITHUB], recorded(GITHUB))
        yield index


@pytest.fixture
def folder(tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of pip-tools whose lock is whole."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.in").write_text(f"--index-url {index.url}\nflask\npypi-attestations\n")
    (hash_of_flask,) = index.hashes("flask", "3.1.0")
    pins = f"flask==3.1.0 --hash={hash_of_flask}\npypi-attestations==0.0.19 --hash=sha256:{HASHES[GITHUB]}\n"
    (project / "requirements.txt").write_text(pins)
    monkeypatch.setenv("BOLIDE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BOLIDE_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "300")
    return project


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    async def run(*words: object) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["provenance", *(str(word) for word in words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


async def test_the_verified_publisher_is_named(folder: Path, say: Say) -> None:
    code, out, _ = await say(folder)
    assert "attestations (PEP 740) of 2 files: 1 verified, 1 without." in out
    assert "  pypi-attestations 0.0.19, 1 file: trailofbits/pypi-attestations (GitHub, release.yml)" in out
    assert (code, "INSECURE-SOURCE" in out) == (1, True), "the index on loopback has no TLS"


async def test_every_file_is_told_as_json(folder: Path, say: Say) -> None:
    code, out, _ = await say(folder, "--json")
    told = json.loads(out)["requirements.txt"]
    assert (code, [each["id"] for each in told["findings"]]) == (1, ["INSECURE-SOURCE"])
    assert [(each["package"], each["attestation"]) for each in told["files"]] == [
        ("flask", "none"),
        ("pypi-attestations", "verified"),
    ]
    assert told["files"][1]["publishers"] == [
        {"kind": "GitHub", "place": "trailofbits/pypi-attestations", "workflow": "release.yml"}
    ]


async def test_what_does_not_hold_or_cannot_be_looked_at_is_told(folder: Path, index: PackageIndex, say: Say) -> None:
    index.provenance[GITHUB] = recorded(GITHUB).replace("release.yml", "other.yml").encode()
    _, out, _ = await say(folder, "--json")
    assert json.loads(out)["requirements.txt"]["files"][1]["attestation"] == "not verified"
    del index.provenance[GITHUB]
    _, out, _ = await say(folder, "--json")
    file = json.loads(out)["requirements.txt"]["files"][1]
    assert (file["attestation"], file["reason"]) == ("not checked", "127.0.0.1 answered 404")


async def test_a_wrong_hash_fails_and_an_unreadable_lock_is_not_called_clean(folder: Path, say: Say) -> None:
    lock = folder / "requirements.txt"
    lock.write_text(lock.read_text().replace(HASHES[GITHUB], "1" * 64))
    code, out, _ = await say(folder)
    assert (code, "INVALID-ARTIFACT-HASH" in out) == (1, True)
    lock.write_text("flask\n")
    code, out, _ = await say(folder)
    assert (code, "requirements.txt: not checked: requirements.txt line 1 is no pinned package" in out) == (2, True)
    lock.unlink()
    code, _, err = await say(folder)
    assert (code, "There is no Pipfile.lock to check, no uv.lock" in err) == (2, True)
    code, _, err = await say(folder / "nowhere")
    assert (code, "is not a folder" in err) == (2, True)


async def test_one_environment_may_be_asked_for(folder: Path, say: Say) -> None:
    code, _, err = await say(folder, "--environment", "gpu")
    assert (code, "There is no environment 'gpu'; there is default." in err) == (2, True)
