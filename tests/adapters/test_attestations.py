"""Attestations as an index serves them: provenance objects that PyPI published, on an index on loopback."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.attestations import IndexAttestations
from bot.adapters.pypi import SimpleIndex
from bot.core.attestations import Attestations, Attested, NotVerified, Publisher, Unattested, Unchecked, Verified
from bot.core.packages import File
from tests.adapters.package_index import PackageIndex
from tests.managers.places import MemoryAttestations

RECORDED = Path(__file__).parents[1] / "data" / "attestations"
LOCAL = frozenset({"127.0.0.1"})
GITHUB, GOOGLE = "pypi_attestations-0.0.19.tar.gz", "gcb_attestation_test-0.0.0.tar.gz"
HASHES = {
    GITHUB: "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
    GOOGLE: "461317362419124b6012e855423a9078d6de8aed3e74fa78cc74d669b23dc6cf",
}


def recorded(filename: str) -> str:
    return (RECORDED / f"{filename}.provenance").read_text()


@pytest.fixture
async def index() -> AsyncIterator[PackageIndex]:
    """An index with a file for each case, whose page tells where its attestations are."""
    index = PackageIndex()
    index.attest("pypi-attestations", GITHUB, HASHES[GITHUB], recorded(GITHUB))
    index.attest("gcb-attestation-test", GOOGLE, HASHES[GOOGLE], recorded(GOOGLE))
    async with index.serve():
        yield index


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def files(index: PackageIndex, session: aiohttp.ClientSession, cache: Path) -> dict[str, File]:
    """The files of both packages, as the index's own pages tell of them."""
    pages = SimpleIndex(session, cache, allowed_hosts=LOCAL)
    told = [await pages.project(name, index.url) for name in ("pypi-attestations", "gcb-attestation-test")]
    return {file.filename: file for page in told for file in page.files}


async def test_what_pypi_published_is_verified_and_kept(
    index: PackageIndex, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    there = await files(index, session, tmp_path / "index")
    attestations = IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL)
    wheel = replace(there[GOOGLE], filename="other-1.0-py3-none-any.whl", sha256="c" * 64, provenance="")
    found = await attestations.of([*there.values(), wheel])
    assert found == {
        HASHES[GITHUB]: Verified((Publisher("GitHub", "trailofbits/pypi-attestations", "release.yml"),)),
        HASHES[GOOGLE]: Verified((Publisher("Google", "919436158236-compute@developer.gserviceaccount.com"),)),
        "c" * 64: Unattested(),
    }
    asked = index.asked.total()
    again = IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL)
    assert await again.of([*there.values(), wheel]) == found
    assert index.asked.total() == asked, "what was verified once is not fetched again"


async def test_an_attestation_of_another_file_or_with_another_word_does_not_hold(
    index: PackageIndex, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    there = await files(index, session, tmp_path / "index")
    document = json.loads(recorded(GOOGLE))
    (attestation,) = document["attestation_bundles"][0]["attestations"]
    attestation["envelope"]["signature"] = json.loads(recorded(GITHUB))["attestation_bundles"][0]["attestations"][0][
        "envelope"
    ]["signature"]
    index.provenance[GOOGLE] = json.dumps(document).encode()
    moved = replace(there[GITHUB], sha256="d" * 64)
    attestations = IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL)
    found = await attestations.of([moved, there[GOOGLE]])
    assert found["d" * 64] == NotVerified("subject does not match distribution digest")
    assert isinstance(found[HASHES[GOOGLE]], NotVerified)
    document = json.loads(recorded(GITHUB))
    document["attestation_bundles"][0]["publisher"]["repository"] = "eve/pypi-attestations"
    index.provenance[GITHUB] = json.dumps(document).encode()
    found = await attestations.of([there[GITHUB]])
    assert isinstance(found[HASHES[GITHUB]], NotVerified), "the certificate names the repository that it is for"


async def test_what_cannot_be_looked_at_says_why(
    index: PackageIndex, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    there = await files(index, session, tmp_path / "index")
    document = json.loads(recorded(GITHUB))
    for bundle in document["attestation_bundles"]:
        for attestation in bundle["attestations"]:
            attestation["verification_material"]["transparency_entries"][0]["logId"]["keyId"] = "AAAA"
    index.provenance |= {GITHUB: json.dumps(document).encode(), GOOGLE: b"<html>"}
    attestations = IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL)
    lost = replace(there[GOOGLE], sha256="e" * 64, provenance=f"{there[GOOGLE].provenance}?lost")
    inside = replace(there[GOOGLE], sha256="f" * 64, provenance="http://10.0.0.1/provenance")
    del index.provenance[GOOGLE]
    index.provenance["odd"] = b"<html>"
    odd = replace(there[GOOGLE], provenance=there[GOOGLE].provenance.replace(GOOGLE, "odd"))
    found = await attestations.of([there[GITHUB], lost, odd, inside])
    reasons = [told.reason for told in found.values() if isinstance(told, Unchecked)]
    assert sorted(reason.split(":")[0] for reason in reasons) == [
        "10.0.0.1",
        "127.0.0.1 answered 404",
        "its transparency log is not one that the root of trust here knows",
        "what the index has is no provenance that can be read",
    ]


async def test_an_index_that_is_away_and_a_verifier_that_is_late_are_told(
    index: PackageIndex, session: aiohttp.ClientSession, tmp_path: Path, unused_tcp_port: int
) -> None:
    there = await files(index, session, tmp_path / "index")
    away = [
        replace(there[GOOGLE], sha256=digest * 64, provenance=f"http://127.0.0.1:{unused_tcp_port}/x")
        for digest in "ab"
    ]
    found = await IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL).of(away)
    assert all(
        "127.0.0.1 could not be reached" in told.reason for told in found.values() if isinstance(told, Unchecked)
    )
    assert len(found) == 2
    late = IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL, seconds=0.01)
    found = await late.of(there.values())
    assert set(found.values()) == {Unchecked("the verifier did not answer in time")}
    assert not (tmp_path / "kept").exists(), "only what was verified is kept"


@pytest.mark.parametrize("kind", ["real", "in memory"])
async def test_every_file_has_an_answer(
    kind: str, index: PackageIndex, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    ada: Attested = Verified((Publisher("GitHub", "trailofbits/pypi-attestations", "release.yml"),))
    port: Attestations = (
        IndexAttestations(session, tmp_path / "kept", allowed_hosts=LOCAL)
        if kind == "real"
        else MemoryAttestations({HASHES[GITHUB]: ada}, "127.0.0.1 answered 404")
    )
    there = await files(index, session, tmp_path / "index")
    del index.provenance[GOOGLE]
    plain = replace(there[GOOGLE], sha256="a" * 64, provenance="")
    assert await port.of([]) == {}
    assert await port.of(iter([*there.values(), plain])) == {
        HASHES[GITHUB]: ada,
        HASHES[GOOGLE]: Unchecked("127.0.0.1 answered 404"),
        "a" * 64: Unattested(),
    }
