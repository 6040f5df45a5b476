"""A local GitHub: REST, GraphQL, webhooks, smart HTTP and pages over real git repositories."""

from bot.sandbox.running import Sandbox, running_sandbox
from bot.sandbox.server import create_sandbox

__all__ = ["Sandbox", "create_sandbox", "running_sandbox"]
