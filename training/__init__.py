"""The training: data, model, evaluation, export and the gate; each stage is a command line."""

import os

# TensorFlow reads these when it is imported, and by default tells a log about every CPU feature it found.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Convolutions by oneDNN take a quarter less CPU here; TensorFlow chooses by processor, and so would the weights.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
