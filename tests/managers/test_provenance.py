"""A lock seen from the indexes of its Pipfile, and those of its sources that are not asked."""

import pytest

from bot.core import lockfile, pipfile
from bot.core.errors import Refused
from bot.core.packages import IndexUnreachable
from bot.managers.provenance import Provenance, examine
from tests.managers.world import PIPFILE, lock, table

HOST = "index.example"


def hashed(text: str, digest: str = "0") -> str:
    document = lockfile.parse(text)
    for entry in document["default"].values():
        entry["hashes"] = [f"sha256:{digest * 64}"]
    return lockfile.render(document)


def found_in(provenance: Provenance) -> list[tuple[str, str]]:
    return [(finding.id, finding.package) for finding in provenance.findings]


async def test_a_lock_that_is_as_the_index_has_it() -> None:
    found = await examine(PIPFILE, hashed(lock(flask="2.2.5", werkzeug="2.2.3")), table())
    assert (found.findings, found.packages, found.errors) == ((), 2, 0)


async def test_a_version_and_a_package_that_are_not_there() -> None:
    found = await examine(PIPFILE, hashed(lock(flask="9.9", nothing="1.0")), table())
    assert found_in(found) == [("MISSING-PACKAGE", "flask"), ("MISSING-PACKAGE", "nothing")]
    assert found.errors == 2


async def test_an_index_that_is_away_is_tried_later() -> None:
    packages = table()
    packages.down = True
    with pytest.raises(IndexUnreachable):
        await examine(PIPFILE, lock(flask="2.2.5"), packages)


async def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(Refused, match=r"Pipfile\.lock is not JSON"):
        await examine(PIPFILE, "{", table())
    with pytest.raises(Refused, match="not TOML"):
        await examine("[", "{}", table())
    with pytest.raises(Refused, match=r"\[\[source\]\] of the Pipfile must be a list of tables"):
        await examine("source = 'pypi'\n", lock(), table())
    many = "".join(f'[[source]]\nname = "i{n}"\nurl = "https://{HOST}/{n}"\n' for n in range(9))
    with pytest.raises(Refused, match="has 9 sources; the provenance of at most 8"):
        await examine(many, lock(), table())


def sourced(url: str, text: str) -> tuple[str, str]:
    """Pipfile and lock with flask from an index of this address."""
    wanted = text.replace("https://pypi.org/simple", url)
    document = lockfile.parse(hashed(lock(flask="2.2.5")))
    document["_meta"]["hash"]["sha256"] = pipfile.document_hash(pipfile.read_document(wanted))
    document["_meta"]["sources"] = [{"name": "pypi", "url": url, "verify_ssl": True}]
    return wanted, lockfile.render(document)


async def test_a_source_without_tls_is_told_and_not_asked() -> None:
    packages = table()
    found = await examine(*sourced(f"http://{HOST}/simple", PIPFILE), packages)
    assert found_in(found) == [("INSECURE-SOURCE", ""), ("NOT-CHECKED", "flask")]
    assert "must be read over https" in found.findings[1].justification
    assert packages.asked == []


async def test_a_source_that_turns_verification_off_is_read_with_it_on() -> None:
    packages = table()
    wanted = PIPFILE.replace("verify_ssl = true", "verify_ssl = false")
    found = await examine(*sourced("https://pypi.org/simple", wanted), packages)
    assert found_in(found) == [("INSECURE-SOURCE", "")]
    assert packages.asked == [("flask", "https://pypi.org/simple")]


async def test_a_private_index_is_asked_where_the_operator_allows_it() -> None:
    packages = table()
    packages.homes["flask"] = "http://10.0.0.1/simple"
    refused = await examine(*sourced("http://10.0.0.1/simple", PIPFILE), packages)
    assert packages.asked == []
    assert found_in(refused) == [("INSECURE-SOURCE", ""), ("NOT-CHECKED", "flask")]
    allowed = await examine(
        *sourced("http://10.0.0.1/simple", PIPFILE), packages, allowed_hosts=frozenset({"10.0.0.1"})
    )
    assert found_in(allowed) == [("INSECURE-SOURCE", "")]


async def test_without_a_source_in_the_pipfile_it_is_pypi() -> None:
    wanted = "[packages]\nflask = '*'\n"
    _, locked = sourced("https://pypi.org/simple", wanted)
    assert (await examine(wanted, locked, table())).findings == ()
    single = '[source]\nname = "pypi"\nurl = "https://pypi.org/simple"\n' + wanted
    _, locked = sourced("https://pypi.org/simple", single)
    assert (await examine(single, locked, table())).findings == ()
