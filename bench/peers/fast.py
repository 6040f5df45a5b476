"""Peer: FastAPI on uvicorn that asks a compiled function."""

import os

import keras
import numpy as np
import tensorflow as tf
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = keras.models.load_model(os.environ["KERAS_MODEL"], compile=False)
ask = tf.function(lambda image: model(image, training=False), input_signature=[tf.TensorSpec((1, 28, 28), tf.uint8)])


class Image(BaseModel):
    """What is asked."""

    inputs: list[list[int]]


@app.post("/predict")
def predict(image: Image):
    """The digit in one image."""
    shares = ask(np.array([image.inputs], np.uint8)).numpy()[0]
    return {"prediction": int(shares.argmax()), "probability": float(shares.max())}
