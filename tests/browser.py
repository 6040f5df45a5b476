"""What the browser tests need: Debian's Chromium, which is asked for by its path."""

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
NEEDS_BROWSER = (
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"Chromium is not installed at {CHROMIUM} (apt install chromium)"),
)
