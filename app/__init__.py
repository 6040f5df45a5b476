"""The inference service: digits by HTTP, and a page to draw them on."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings

# NumPy starts threads for large matrices when it is loaded; there are none here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The WSGI app of a service with these settings, by default the environment's."""
    from app.service import Service
    from app.site import make_site  # here, so that the server can predict before Flask is loaded

    return make_site(Service.of(settings))
