"""The demo: a GitHub, the bot and the service on this machine, and the story that shows them at work."""

from bot.demo.show import show

__all__ = ["show"]
