"""Peer: a service of BentoML's."""

import bentoml
from lite import ask


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Digits:
    """One image at a time."""

    @bentoml.api
    def predict(self, inputs: list[list[int]]) -> dict:
        """The digit in one image."""
        shares = ask(inputs)
        return {"prediction": int(shares.argmax()), "probability": float(shares.max())}
