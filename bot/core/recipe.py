"""How a repository makes and serves its model: what evidence and redeployment run."""

from dataclasses import dataclass
from typing import Annotated

from bot.core.kinds import IMAGE, ROUTE, WSGI, Words
from bot.core.sections import Needed

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """How the repository makes its model; an empty `inputs` stands for the whole tree."""

    categories: Annotated[Names, Words(), "the Pipfile categories that its environment installs"] = ("packages",)
    inputs: Annotated[Names, Words(), "the paths whose content decides whether a stage runs again; none: all"] = ()
    train: Annotated[Names, Words(1), "the command that trains the model", Needed("[python, train.py]")] = ()
    evaluate: Annotated[Names, Words(), "the command that measures it"] = ()
    gate: Annotated[Names, Words(), "the command that says whether it may serve"] = ()
    image: Annotated[str, IMAGE, "the repository that the image of its packages and code is pushed to; none: none"] = ""


@dataclass(frozen=True, slots=True)
class ServiceRecipe:
    """How the repository serves its model; an empty path says that the service has no such route."""

    categories: Annotated[Names, Words(), "the Pipfile categories that its environment installs"] = ("packages",)
    inputs: Annotated[Names, Words(), "the paths whose content decides whether it is deployed again; none: all"] = ()
    wsgi: Annotated[str, WSGI, "the WSGI application", Needed('"app:create_app()"')] = ""
    ready: Annotated[str, ROUTE, "the route that answers 200 when the service can serve"] = ""
    version: Annotated[str, ROUTE, "the route that says which commit runs"] = ""
    predict: Annotated[str, ROUTE, "the route that predicts"] = ""
    serve: Annotated[Names, Words(), "the command that serves on the sockets it is handed; none: gunicorn"] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What there is to build and to serve in a repository."""

    training: TrainingRecipe | None
    service: ServiceRecipe | None
