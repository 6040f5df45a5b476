"""The answers of an exported model, by LiteRT alone: no TensorFlow is imported to evaluate or to gate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from training.data import Bytes
from training.errors import StageError

BATCH = 500
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FlatGraph:
    """The content of a `model.tflite`."""

    content: bytes

    def probabilities(self, images: Bytes) -> Probabilities:
        """`float32 [n, 10]` for `uint8 [n, 28, 28]`; raises StageError when this is not a model of that kind."""
        answers = [np.empty((0, 10), dtype=np.float32)]
        ask, size = None, 0
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            if ask is None or len(part) != size:
                ask, size = self._batch_asker(len(part)), len(part)
            answers.append(ask(part))
        return np.concatenate(answers)

    def digits(self, images: Bytes) -> NDArray[np.int64]:
        """The most probable digit of each image."""
        digits: NDArray[np.int64] = self.probabilities(images).argmax(axis=1)
        return digits

    def asker(self) -> Callable[[Bytes], Probabilities]:
        """What answers one image `uint8 [28, 28]` with `float32 [10]`, for timing."""
        ask = self._batch_asker(1)
        return lambda image: ask(image[np.newaxis])[0]

    def _batch_asker(self, size: int) -> Callable[[Bytes], Probabilities]:
        try:
            interpreter = Interpreter(model_content=self.content, num_threads=1)
            entry, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
            interpreter.resize_tensor_input(entry, (size, 28, 28))
            interpreter.allocate_tensors()
            interpreter.set_tensor(entry, np.zeros((size, 28, 28), dtype=np.uint8))
        except (ValueError, RuntimeError) as problem:
            remedy = "run `python -m training.train`"
            raise StageError(f"model.tflite is not a digit model ({problem}): {remedy}.") from problem

        def ask(images: Bytes) -> Probabilities:
            interpreter.set_tensor(entry, images)
            interpreter.invoke()
            answer: Probabilities = interpreter.get_tensor(result)
            return answer

        return ask
