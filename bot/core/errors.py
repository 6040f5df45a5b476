"""The outcomes of work that is not done: refused, later, or a bug (anything else)."""


class Refused(Exception):
    """Not done, on purpose; the message is one sentence for the user, naming the thing and the remedy."""


class TryLater(Exception):
    """Not done now; the worker tries again after `after` seconds. The message says what was in the way."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after
