"""How the C library keeps memory for this process."""

import contextlib
import ctypes

_M_ARENA_MAX = -8  # mallopt(3)


def keep_one_arena() -> None:
    """Let all threads take memory from one heap; nothing happens where the C library is not glibc.

    By default each thread gets a heap of its own that hardly ever shrinks: index pages of many MB, each read in another
    thread, would stay in all of them.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
