"""What a stage says when it cannot go on."""

import sys
from collections.abc import Callable


class StageError(Exception):
    """A stage cannot go on; the message is one sentence that names the thing and the remedy."""


def exit_status(stage: Callable[[], None]) -> int:
    """Runs a stage: 0, or 1 after its sentence has become the last line of standard error."""
    try:
        stage()
    except StageError as problem:
        sys.stdout.flush()
        print(problem, file=sys.stderr, flush=True)
        return 1
    return 0
