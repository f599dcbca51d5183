"""Keras on TensorFlow, running the saved model as it is."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from .base import Caller, Engine  # noqa: E402
from .tensorflow import set_threads  # noqa: E402


class Keras(Engine):
    call = "Model.predict_on_batch() on a tensor kept in place; the answer an array"
    distributions = ("keras", "tensorflow")

    def __init__(self):
        self.version = f"{keras.__version__} on TensorFlow {tf.__version__}"

    def load(self, model, threads):
        path = model.file("model.keras")
        set_threads(threads)
        self.model = model
        self.keras = keras.models.load_model(path, compile=False)

    def caller(self, inputs):
        return _Caller(self.keras, self.model, inputs)


class _Caller(Caller):
    def __init__(self, keras_model, model, inputs):
        self.keras, self.model = keras_model, model
        self.feed(inputs)

    def feed(self, inputs):
        (array,) = self.model.to_file_layout("model.keras", inputs)
        self.input = tf.constant(array)

    def run(self):
        self.result = self.keras.predict_on_batch(self.input)

    def outputs(self):
        return [np.array(self.result)]
