"""A lock seen from the indexes of its Pipfile, and those of its sources that are not asked."""

import pytest

from bot.advisor.subjects import subject
from bot.core import lockfile, pipfile
from bot.core.attestations import Artefact, Attested, NoAttestations, NotVerified, Publisher, Unattested, Verified
from bot.core.environments import of_lock
from bot.core.errors import Refused
from bot.core.packages import IndexUnreachable
from bot.core.plan import Report
from bot.core.texts import provenance as text
from bot.core.texts.markdown import MAX_CHARACTERS
from bot.core.texts.provenance import Checked, Said
from bot.managers import provenance
from bot.managers.provenance import Provenance
from tests.managers.memory_forge import Issue
from tests.managers.package_world import PYPI, PackageWorld, released
from tests.managers.places import MemoryAttestations
from tests.managers.world import PIPFILE, World, lock, table

HOST = "index.example"
GOOD = lock(flask="2.2.5", werkzeug="2.2.3")
BAD = lock(flask="9.9", werkzeug="2.2.3")


async def examine(
    wanted: str, locked: str, packages: PackageWorld, *, allowed_hosts: frozenset[str] = frozenset()
) -> Provenance:
    looked_at = subject(of_lock("Pipfile.lock"), wanted, locked, allowed_hosts)
    return await provenance.examine(looked_at, packages, NoAttestations())


def found_in(found: Provenance) -> list[tuple[str, str]]:
    return [(finding.id, finding.package) for finding in found.findings]


async def test_a_lock_that_is_as_the_index_has_it() -> None:
    found = await examine(PIPFILE, lock(flask="2.2.5", werkzeug="2.2.3"), table())
    assert (found.findings, found.packages) == ((), 2)
    assert [each.attested for each in found.artefacts] == [Unattested(), Unattested()]


async def test_a_version_and_a_package_that_are_not_there() -> None:
    found = await examine(PIPFILE, lock(flask="9.9", nothing="1.0"), table())
    assert found_in(found) == [("MISSING-PACKAGE", "flask"), ("MISSING-PACKAGE", "nothing")]
    assert {finding.type for finding in found.findings} == {"ERROR"}


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
    document = lockfile.parse(lock(flask="2.2.5"))
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


def check_of(world: World) -> Report:
    return world.repository.checks[world.repository.head, text.CHECK]


def issue_of(world: World) -> Issue:
    (found,) = (issue for issue in world.repository.issues.values() if issue.label == text.LABEL)
    return found


def told_in_issues(world: World) -> int:
    """How often the issue about provenance was written."""
    return sum("<!-- bolide:provenance " in body for body in world.repository.tracked)


async def test_each_push_has_a_check_and_what_is_clean_has_no_issue() -> None:
    world = World()
    await world.pushed({"README.md": "more\n"})
    assert (check_of(world).conclusion, check_of(world).title) == (
        "success",
        "Every locked file of 2 packages is one that its index has",
    )
    assert "the indexes tell of no attestations (PEP 740)" in check_of(world).summary
    assert told_in_issues(world) == 0


async def test_what_is_wrong_has_one_issue_that_is_edited_in_place_and_closed_when_clean() -> None:
    world = World()
    await world.pushed({"Pipfile.lock": BAD})
    assert (check_of(world).conclusion, check_of(world).title) == ("failure", "1 error")
    number = issue_of(world).number
    assert "| 🛑 | `MISSING-PACKAGE` | flask 9.9 is not on pypi" in issue_of(world).body
    told = told_in_issues(world)
    await world.pushed({"README.md": "more\n"})
    assert told_in_issues(world) == told == 1, "the same is not told twice"
    await world.pushed({"Pipfile.lock": lock(flask="9.9", werkzeug="9.9")})
    assert (issue_of(world).number, "werkzeug 9.9" in issue_of(world).body) == (number, True)
    await world.pushed({"Pipfile.lock": GOOD})
    assert number not in world.repository.open_issues
    assert "Nothing is wrong any more." in issue_of(world).body
    await world.pushed({"Pipfile.lock": BAD})
    assert number in world.repository.open_issues, "it is the same issue, open again"


async def test_a_lock_of_an_older_pipfile_fails_the_check_and_opens_no_issue() -> None:
    world = World()
    await world.pushed({"Pipfile": PIPFILE.replace('flask = "*"', 'flask = ">=2"')})
    assert check_of(world).conclusion == "failure"
    assert "`INVALID-LOCK-HASH`" in check_of(world).summary
    assert told_in_issues(world) == 0


async def test_an_issue_that_a_person_closed_stays_closed() -> None:
    world = World()
    await world.pushed({"Pipfile.lock": BAD})
    world.repository.open_issues.discard(issue_of(world).number)
    await world.pushed({"Pipfile.lock": lock(flask="9.9")})
    assert issue_of(world).number not in world.repository.open_issues
    assert check_of(world).conclusion == "failure"


async def test_where_issues_are_disabled_the_check_tells_all() -> None:
    world = World()
    world.repository.issues_enabled = False
    await world.pushed({"Pipfile.lock": BAD})
    assert "MISSING-PACKAGE" in check_of(world).summary
    assert told_in_issues(world) == 0


async def asked(world: World, comment: int) -> str:
    """The answer to `/provenance` in a comment."""
    number = world.repository.issue()
    await world.commented(number, "/provenance", comment=comment)
    (said,) = (body for (issue, _), body in world.repository.comments.items() if issue == number)
    return said


async def test_whoever_asks_is_answered() -> None:
    world = World()
    assert (await asked(world, 501)).startswith("**Every locked file of 2 packages is one that its index has.**")
    world.repository.push({"Pipfile.lock": ""})
    assert "Not checked: there is no such file yet." in await asked(world, 502)
    world.repository.push({"Pipfile": ""})
    assert (await asked(world, 503)).startswith("There is no Pipfile.lock to check, no uv.lock")
    world.repository.push({".github/bolide.yaml": "managers: [{name: provenance, enabled: false}]\n"})
    assert "switches the manager `provenance` off" in await asked(world, 504)
    world.repository.archived = True
    assert "archived" in await asked(world, 505)
    world.repository.archived = False
    world.repository.push({".github/bolide.yaml": "nonsense: 1\n"})
    assert "`nonsense` is not a key" in await asked(world, 506)


async def test_a_source_that_the_configuration_does_not_allow() -> None:
    world = World()
    await world.pushed({".github/bolide.yaml": "provenance: {sources: ['https://index.example/simple']}\n"})
    assert "`SOURCE-NOT-WHITELISTED`" in check_of(world).summary


async def test_each_overlay_is_checked_too() -> None:
    world = World()
    await world.pushed({"overlays/gpu/Pipfile": PIPFILE, "overlays/gpu/Pipfile.lock": BAD})
    assert "### overlays/gpu/Pipfile.lock" in check_of(world).summary
    assert check_of(world).conclusion == "failure"


async def test_overlays_may_stand_in_another_folder() -> None:
    world = World()
    config = {".github/bolide.yaml": "overlays_dir: places\n"}
    await world.pushed({**config, "places/gpu/Pipfile": PIPFILE, "places/gpu/Pipfile.lock": BAD})
    assert "### places/gpu/Pipfile.lock" in check_of(world).summary


async def test_a_repository_that_is_not_set_up_is_left_alone_until_somebody_asks() -> None:
    world = World()
    world.repository.push({".github/bolide.yaml": ""})
    await world.pushed({"README.md": "more\n"})
    assert (world.repository.head, text.CHECK) not in world.repository.checks
    assert "**Every locked file of 2 packages" in await asked(world, 501)


async def test_a_lock_that_cannot_be_read_is_not_called_clean() -> None:
    world = World()
    await world.pushed({"Pipfile.lock": "{"})
    assert (check_of(world).conclusion, check_of(world).title) == ("neutral", "Not everything could be checked")


async def test_an_index_that_is_away_is_asked_again_later() -> None:
    world = World()
    world.packages.down = True
    await world.pushed({"README.md": "more\n"})
    assert (check_of(world).conclusion, check_of(world).title) == ("neutral", "Waiting")
    number = world.repository.issue()
    await world.commented(number, "/provenance")
    assert "tries again by itself" in "".join(world.repository.comments.values())


ADA = Publisher("GitHub", "ada/flask", "release.yml")


def attested_world(attestations: MemoryAttestations) -> World:
    """Two locked files with attestations, and one without."""
    places = [(name, version) for name in ("flask", "werkzeug") for version in ("2.2.5", "2.2.3")]
    files = {place: released(*place, digest, attested=True) for place, digest in zip(places, "abcd", strict=True)}
    files["werkzeug", "2.2.3"] = (*files["werkzeug", "2.2.3"], *released("werkzeug", "2.2.3", "e", attested=False))
    packages = table()
    packages.files = files
    world = World(packages=packages, attestations=attestations)
    world.repository.push({"Pipfile.lock": hashed(flask=("2.2.5", "a"), werkzeug=("2.2.3", "de"))})
    return world


def hashed(**pins: tuple[str, str]) -> str:
    document = lockfile.parse(lock(**{name: version for name, (version, _) in pins.items()}))
    for name, (_, digests) in pins.items():
        document["default"][name]["hashes"] = [f"sha256:{digest * 64}" for digest in digests]
    return lockfile.render(document)


async def test_attestations_are_verified_and_their_publishers_named() -> None:
    verdicts: dict[str, Attested] = {"a" * 64: Verified((ADA,)), "d" * 64: NotVerified("it is of another file")}
    world = attested_world(MemoryAttestations(verdicts))
    await world.pushed({"README.md": "more\n"})
    assert (check_of(world).conclusion, check_of(world).title) == ("neutral", "1 warning")
    said = check_of(world).summary
    assert "attestations (PEP 740) of 3 files: 1 verified, 1 that do not hold, 1 without" in said
    assert "`ATTESTATION-NOT-VERIFIED` | werkzeug 2.2.3 has an attestation that does not hold" in said
    assert "| flask 2.2.5 | 1 file | ada/flask (GitHub, release.yml) |" in said
    assert told_in_issues(world) == 0


async def test_attestations_that_cannot_be_looked_at_are_not_called_verified() -> None:
    world = attested_world(MemoryAttestations({}, "the index did not answer in time"))
    await world.pushed({"README.md": "more\n"})
    assert check_of(world).conclusion == "success", "every file is one that its index has"
    assert "attestations (PEP 740) of 3 files: 0 verified, 2 not checked, 1 without" in check_of(world).summary
    assert "2 files were not checked: the index did not answer in time" in check_of(world).summary


REQUIREMENTS = "\n".join(("flask==2.2.5 \\", f"    --hash=sha256:{'0' * 64}", ""))
UV_LOCK = f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "digits"
version = "1.2.3"
source = {{ virtual = "." }}

[[package]]
name = "flask"
version = "2.2.5"
source = {{ registry = "{PYPI}" }}
wheels = [{{ url = "{PYPI}/flask-2.2.5-py3-none-any.whl", hash = "sha256:{"0" * 64}" }}]
"""


async def test_the_locks_of_pip_tools_and_of_uv_are_checked_too() -> None:
    world = World()
    config = {".github/bolide.yaml": "managers: [{name: update, enabled: false}]\n"}
    places = {**config, "requirements.in": "flask\n", "requirements.txt": REQUIREMENTS, "uv.lock": UV_LOCK}
    await world.pushed(places)
    assert check_of(world).title == "Every locked file of 4 packages is one that its index has"
    for path in ("Pipfile.lock", "uv.lock", "requirements.txt"):
        assert f"### {path}" in check_of(world).summary
    await world.pushed({"requirements.txt": REQUIREMENTS.replace("0" * 64, "1" * 64)})
    assert "`INVALID-ARTIFACT-HASH` | flask 2.2.5 has the hash 111111111111…" in check_of(world).summary
    assert issue_of(world).number in world.repository.open_issues


def test_thousands_of_findings_stay_within_the_bound() -> None:
    said = tuple(
        Said("ERROR", "MISSING-PACKAGE", f"package-{number} @ada is not there " * 20) for number in range(3_000)
    )
    body = text.issue((Checked("Pipfile.lock", said, 3_000),))
    assert len(body) <= MAX_CHARACTERS
    assert "more." in body
    assert "@ada" not in body
    assert not text.was_clean(body)
    ada = Verified((Publisher("GitHub", "@ada/flask"),))
    files = tuple(Artefact(f"package-{n}", "1", "x.whl", str(n), ada) for n in range(3_000))
    many = text.issue((Checked("Pipfile.lock", said, 3_000, files),))
    assert len(many) <= MAX_CHARACTERS
    assert "@ada" not in many
    assert text.was_clean(text.issue((Checked("Pipfile.lock", (), 1),)))
    assert not text.was_clean("a person's words")
