"""Peer: Flask that asks a compiled function."""

import os

import keras
import numpy as np
import tensorflow as tf
from flask import Flask, jsonify, request

app = Flask(__name__)
model = keras.models.load_model(os.environ["KERAS_MODEL"], compile=False)
ask = tf.function(lambda image: model(image, training=False), input_signature=[tf.TensorSpec((1, 28, 28), tf.uint8)])


@app.post("/predict")
def predict():
    """The digit in one image."""
    shares = ask(np.array([request.get_json()["inputs"]], np.uint8)).numpy()[0]
    return jsonify(prediction=int(shares.argmax()), probability=float(shares.max()))
