import pytest

from bot.core.errors import Refused, TryLater
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved
from bot.service.retry import Finish, Park, Postpone, retry


@pytest.mark.parametrize(
    ("problem", "attempts", "outcome"),
    [
        (Refused("no such kind."), 0, Finish("refused: no such kind.")),
        (TryLater("the index is down", 90), 0, Postpone(90, "later: the index is down")),
        (TryLater("the index is down", 90), 500, Postpone(90, "later: the index is down")),
        (TryLater("odd", -5), 0, Postpone(0, "later: odd")),
        (TryLater("odd", 10**9), 0, Postpone(3600, "later: odd")),
        (ForgeUnavailable("GitHub answered 503.", after=7), 99, Postpone(7, "later: GitHub answered 503.")),
        (HeadMoved("main moved"), 0, Postpone(1, "the branch moved: main moved")),
        (HeadMoved("main moved"), 4, Postpone(16, "the branch moved: main moved")),
        (HeadMoved("main moved"), 5000, Postpone(60, "the branch moved: main moved")),
        (ForgeRefused("not installed"), 0, Park("GitHub refused: not installed")),
        (ValueError("bug"), 0, Postpone(2, "ValueError: bug", unexpected=True)),
        (ValueError("bug"), 1, Postpone(10, "ValueError: bug", unexpected=True)),
        (ValueError("bug"), 2, Postpone(60, "ValueError: bug", unexpected=True)),
        (ValueError("bug"), 3, Postpone(300, "ValueError: bug", unexpected=True)),
        (ValueError("bug"), 4, Park("ValueError: bug", unexpected=True)),
        (ValueError("bug"), 5, Park("ValueError: bug", unexpected=True)),
    ],
)
def test_the_table(problem: Exception, attempts: int, outcome: Finish | Postpone | Park) -> None:
    assert retry(problem, attempts) == outcome
