"""The moment, as an argument."""

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""The clock, as an argument; aware, in UTC."""
