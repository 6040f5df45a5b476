"""The dashboard: read-only pages of the runs that merges started, with a JSON twin of each."""

from bot.service.dashboard.pages import Runs, add_routes

__all__ = ["Runs", "add_routes"]
