"""`python -m bot.sandbox`."""

import sys

from bot.sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
