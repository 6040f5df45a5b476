"""GitHub as the App sees it: `GitHub` implements `ports.Forge` over REST and GraphQL."""

from bot.adapters.github.app import GitHub, open_github
from bot.adapters.github.line import Asked

__all__ = ["Asked", "GitHub", "open_github"]
