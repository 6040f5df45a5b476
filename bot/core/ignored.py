"""What the owner wants ignored, wherever that is said: in the configuration, or on the dashboard."""

from datetime import date

from bot.core.ports import Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.steering import Ignored, in_force
from bot.core.texts import dashboard


def ignored(project: Snapshot, config: RepoConfig, today: date) -> tuple[Ignored, ...]:
    """The entries whose day has not passed; `project` is seen with its tracking issue. Raises Refused."""
    told = dashboard.parse(project.tracking.body).ignored if project.tracking else ()
    return in_force((*config.updates.steering().ignore, *told), today)
