"""The limit on the app's own server: Flask behind the same adapter."""

from a2wsgi import WSGIMiddleware
from hello import app, bare

flask = WSGIMiddleware(app, workers=8)
__all__ = ["bare", "flask"]
