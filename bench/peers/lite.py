"""The flat graph that peers without TensorFlow ask: the same file that the app serves."""

import os
import threading

import numpy as np
from ai_edge_litert.interpreter import Interpreter

_own = threading.local()


def ask(image):
    """`float32 [10]` for `uint8 [28, 28]`."""
    if not hasattr(_own, "interpreter"):
        _own.interpreter = Interpreter(model_path=os.environ["LITE_MODEL"], num_threads=1)
        _own.interpreter.allocate_tensors()
        _own.entry = _own.interpreter.get_input_details()[0]["index"]
        _own.result = _own.interpreter.get_output_details()[0]["index"]
    _own.interpreter.set_tensor(_own.entry, np.asarray(image, np.uint8).reshape(1, 28, 28))
    _own.interpreter.invoke()
    return _own.interpreter.get_tensor(_own.result)[0]
