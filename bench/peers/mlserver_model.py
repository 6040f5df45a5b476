"""Peer: a model of MLServer's, asked by the V2 inference protocol."""

from lite import ask
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Digits(MLModel):
    """Ten probabilities for one image."""

    async def load(self):
        """Nothing is to be loaded before the first request."""
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Ten probabilities."""
        shares = ask(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", shares)])
