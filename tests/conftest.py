"""For all tests."""

from hypothesis import settings

# The same examples in every run, and no limit of time for one: CI must be repeatable, on a loaded machine too.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
