"""The app under a name that servers without factories can load."""

from app import create_app

app = create_app()
