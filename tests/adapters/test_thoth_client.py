"""A host that speaks Thoth's API is asked only where it may be, and for what it can answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.environments import Environments
from bot.adapters.thoth_client import ThothOr, client_environments
from bot.core import pipfile
from bot.core.errors import Refused
from bot.core.packages import Keep, Only, ResolveRequest, ThothHost
from tests.managers.package_world import PackageWorld
from tests.managers.world import PIPFILE, table

HOST = ThothHost("127.0.0.1:1", tls_verify=False)
ALLOWED = frozenset({"127.0.0.1"})


@pytest.fixture
def nothing_installed(tmp_path: Path) -> Environments:
    return client_environments(tmp_path)


def resolver(environments: Environments, allowed: frozenset[str] = ALLOWED) -> tuple[ThothOr, PackageWorld]:
    own = table()
    return ThothOr(own, environments, own, allowed), own


def asked(text: str = PIPFILE, host: ThothHost | None = HOST) -> ResolveRequest:
    return ResolveRequest(pipfile.parse(text), thoth=host)


async def test_the_own_resolver_moves_single_packages_and_serves_those_without_a_host(
    nothing_installed: Environments,
) -> None:
    either, _ = resolver(nothing_installed)
    for request in (
        asked(host=None),
        replace(asked(), upgrade=Only(frozenset({"flask"}))),
        replace(asked(), upgrade=Keep()),
    ):
        assert (await either.resolve(request)).resolver == "uv 0.0"


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (ThothHost("10.0.0.1", tls_verify=True), "The host 10.0.0.1 is a private address"),
        (ThothHost("thoth.internal:8443", tls_verify=True), "The host thoth.internal is a private address"),
        (ThothHost("thoth.example.org", tls_verify=False), "lets anybody answer for thoth.example.org"),
    ],
)
async def test_hosts_that_are_not_asked(nothing_installed: Environments, host: ThothHost, said: str) -> None:
    either, _ = resolver(nothing_installed, frozenset())
    with pytest.raises(Refused, match=said):
        await either.resolve(asked(host=host))


async def test_what_thoths_clients_do_not_know_is_named(nothing_installed: Environments) -> None:
    either, _ = resolver(nothing_installed)
    with pytest.raises(Refused, match=r"knows .* only, and the Pipfile has \[docs\] too"):
        await either.resolve(asked(PIPFILE + "[docs]\nflask = '*'\n"))


async def test_without_the_client_it_is_said_how_to_get_it(nothing_installed: Environments, tmp_path: Path) -> None:
    either, _ = resolver(nothing_installed)
    with pytest.raises(Refused, match="operator runs `make thoth` once"):
        await either.resolve(asked(PIPFILE + "[docs]\n"))
    assert not list((tmp_path / "thoth").glob("*")), "nothing was installed for it"
