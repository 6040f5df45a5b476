"""Bolide: dependency updates with evidence, releases, and redeployment on each merge."""

__version__ = "0.1.0"
