"""An update tells where the new release has another publisher than the old one, or none that can be verified."""

import pytest

from bot.core.attestations import Attested, NotVerified, Publisher, Verified
from tests.managers.package_world import PackageWorld, released
from tests.managers.places import MemoryAttestations
from tests.managers.world import World, table

ADA = Verified((Publisher("GitHub", "ada/flask", "release.yml"),))
EVE = Verified((Publisher("GitHub", "eve/flask", "release.yml"),))
OLD, NEW = "0" * 64, "b" * 64


def packages(*, old: bool = True, new: bool = True) -> PackageWorld:
    """Flask, of whose two releases the index tells attestations, or does not."""
    found = table()
    # The new file has the hash that every file in the proposed lock has, so it is the old one that differs.
    found.files["flask", "2.2.5"] = released("flask", "2.2.5", "b", attested=old)
    found.files["flask", "3.1.0"] = released("flask", "3.1.0", "0", attested=new)
    return found


async def advised(world: World) -> str:
    """What the pull request says."""
    locked = world.repository.text(world.repository.head, "Pipfile.lock").replace("0" * 64, "b" * 64, 1)
    world.repository.push({"Pipfile.lock": locked})
    await world.install()
    return world.repository.pulls[world.only_pull()].body


async def proposed(old: Attested, new: Attested) -> str:
    return await advised(World(packages=packages(), attestations=MemoryAttestations({NEW: old, OLD: new})))


async def test_the_same_publisher_is_not_worth_a_word() -> None:
    assert "publisher" not in await proposed(ADA, ADA)


async def test_another_publisher_is_told() -> None:
    said = await proposed(ADA, EVE)
    assert (
        "| ⚠️ | flask | flask has another publisher: 2.2.5 is of ada/flask (GitHub, release.yml), "
        "3.1.0 of eve/flask (GitHub, release.yml). [↗](https://pypi.org/integrity/flask/3.1.0/"
    ) in said


async def test_a_publisher_that_is_gone_is_told() -> None:
    world = World(packages=packages(new=False), attestations=MemoryAttestations({NEW: ADA}))
    assert "2.2.5 was published by ada/flask (GitHub, release.yml), which was verified; 3.1.0 has no attestation." in (
        await advised(world)
    )


async def test_a_new_attestation_that_does_not_hold_is_told_whatever_was_before() -> None:
    world = World(
        packages=packages(old=False), attestations=MemoryAttestations({OLD: NotVerified("it is of another file")})
    )
    assert "flask 3.1.0 has an attestation that does not hold: it is of another file." in await advised(world)


async def test_attestations_where_there_were_none_are_not_worth_a_word() -> None:
    world = World(packages=packages(old=False), attestations=MemoryAttestations({OLD: ADA}))
    assert "publisher" not in await advised(world)


@pytest.mark.parametrize("known", [{}, {NEW: ADA}, {OLD: ADA}])
async def test_what_could_not_be_compared_is_told(known: dict[str, Attested]) -> None:
    attestations = MemoryAttestations(known, "the index did not answer in time")
    said = await advised(World(packages=packages(), attestations=attestations))
    assert "The publishers of one package were not compared: the index did not answer in time." in said


async def test_a_package_that_the_first_index_does_not_have_is_not_compared() -> None:
    there = packages()
    there.homes["flask"] = "https://index.example/simple"
    body = await advised(World(packages=there, attestations=MemoryAttestations({NEW: ADA, OLD: EVE})))
    assert "`flask` **direct** | 2.2.5 | 3.1.0 |" in body
    assert "publisher" not in body
