"""A value that must not be shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that no log shows: `reveal()` is the only way to it."""

    _value: str

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


NOTHING = Secret("")
"""What stands for a secret that is not set."""
