"""Peer: Flask that asks `model.predict` for each request, as tutorials do."""

import os

import keras
import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)
model = keras.models.load_model(os.environ["KERAS_MODEL"], compile=False)


@app.post("/predict")
def predict():
    """The digit in one image."""
    shares = model.predict(np.array([request.get_json()["inputs"]], np.uint8), verbose=0)[0]
    return jsonify(prediction=int(shares.argmax()), probability=float(shares.max()))
