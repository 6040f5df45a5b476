"""For all tests."""

import signal

from hypothesis import settings

# The same examples in every run, and no limit of time for one: CI must be repeatable, on a loaded machine too.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# A shell starts what runs in the background deaf to Ctrl-C, and so would be all programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
