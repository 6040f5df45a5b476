"""How a repository makes and serves its model: what evidence and redeployment run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """How the repository makes its model; an empty `inputs` stands for the whole tree."""

    categories: tuple[str, ...]
    inputs: tuple[str, ...]
    train: tuple[str, ...]
    evaluate: tuple[str, ...]
    gate: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceRecipe:
    """How the repository serves its model; an empty path says that the service has no such route."""

    categories: tuple[str, ...]
    inputs: tuple[str, ...]
    wsgi: str
    ready: str
    version: str
    predict: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What there is to build and to serve in a repository."""

    training: TrainingRecipe | None
    service: ServiceRecipe | None
