import pytest

from bot.core.discovery import find_service, with_service_found
from bot.core.recipe import Recipe, ServiceRecipe

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "from flask import Flask\ndef create_app(settings=None, *, debug=False):\n    return Flask(__name__)\n"


def found(files: dict[str, str]) -> str | None:
    return find_service(files, files.__getitem__)


@pytest.mark.parametrize(
    ("files", "target"),
    [
        ({"app.py": FLASK}, "app:app"),
        ({"application.py": FLASK.replace("app =", "application =")}, "application:application"),
        ({"main.py": FLASK}, "main:app"),
        ({"wsgi.py": "from shop import app as application\n"}, "wsgi:application"),
        ({"wsgi.py": "from shop import create_app\napp = create_app()\n"}, "wsgi:app"),
        ({"wsgi.py": "from shop import create_app\n"}, "wsgi:create_app()"),
        ({"wsgi.py": "def application(environ, start_response):\n    return []\n"}, "wsgi:application"),
        ({"app/__init__.py": FACTORY}, "app:create_app()"),
        ({"shop/__init__.py": FACTORY}, "shop:create_app()"),
        ({"shop/wsgi.py": FLASK}, "shop.wsgi:app"),
        ({"src/shop/__init__.py": FACTORY}, "shop:create_app()"),
        ({"src/app.py": FLASK}, "app:app"),
        ({"app.py": "import flask\ntry:\n    app: object = flask.Flask('x')\nexcept OSError:\n    pass\n"}, "app:app"),
        ({"app.py": "from flask import Flask\nif True:\n    app = Flask('x')\n"}, "app:app"),
        # The likelier one comes first, whatever the order in which they are listed.
        ({"shop/__init__.py": FACTORY, "app.py": FLASK, "wsgi.py": FLASK}, "wsgi:app"),
        ({"shop/app.py": FLASK, "app/__init__.py": FACTORY}, "app:create_app()"),
        ({"src/app.py": FLASK, "app.py": FLASK}, "app:app"),
        # One that does not even parse is named all the same: its import then fails, which is to be seen.
        ({"app.py": FLASK + "def broken(:\n"}, "app:app"),
        ({"app.py": "import flask\ndef create_app(:\n"}, "app:create_app()"),
    ],
)
def test_the_service_is_found(files: dict[str, str], target: str) -> None:
    assert found(files) == target
    assert found(dict(reversed(files.items()))) == target


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"app.py": "app = 1\n"},  # nothing of the web
        {"app.py": "from fastapi import FastAPI\napp = FastAPI()  # not WSGI\n"},
        {"app.py": "import flask\ndef create_app(settings):\n    ...\n"},  # needs an argument that nobody knows
        {"app.py": "import flask\ndef create_app(*, settings):\n    ...\n"},
        {"app.py": "import flask\ndef app():\n    ...\n"},
        {"app.py": "import flask\nif __name__ == '__main__':\n    app = flask.Flask('x')\n"},
        {"app.py": "import flask\nfor n in range(3):\n    print(n)\n"},
        {"app.py": "import flask\napp: object\nflask.app = 1\n"},
        {"tests/app.py": FLASK, "examples/wsgi.py": FLASK},
        {"a/b/app.py": FLASK},
        {"my-app/wsgi.py": FLASK},
        {"models.py": FLASK},
        {"src/__init__.py": FLASK},
    ],
)
def test_what_is_no_service_is_not_taken_for_one(files: dict[str, str]) -> None:
    assert found(files) is None


def test_a_recipe_that_names_its_service_is_left_alone() -> None:
    named = Recipe(None, ServiceRecipe(("app",), (), "other:app", "/up", "", ""))
    files = {"app.py": FLASK}
    assert with_service_found(named, files, files.__getitem__) == named
    assert with_service_found(Recipe(None, None), [], str) == Recipe(None, None)
    completed = with_service_found(Recipe(None, None), files, files.__getitem__)
    assert completed.service == ServiceRecipe(("packages",), (), "app:app", "", "", "")
