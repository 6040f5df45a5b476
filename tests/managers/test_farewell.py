"""A repository that the App has left is forgotten."""

from tests.managers.world import World


async def test_what_a_repository_locks_is_not_watched_once_the_app_is_gone() -> None:
    there = World()
    await there.install()
    assert await there.watch_list.packages()
    own = {"id": there.repository.id, "full_name": there.repository.name}
    await there.deliver("installation_repositories", action="removed", repositories_removed=[own])
    assert await there.watch_list.packages() == ()
    assert there.notes[-1] == "the App is not on this repository any more"
