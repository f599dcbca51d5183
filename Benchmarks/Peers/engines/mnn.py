"""MNN in f32."""

import importlib.metadata

import MNN
import numpy as np

from .base import Caller, Engine

TYPES = {np.dtype(np.float32): MNN.Halide_Type_Float, np.dtype(np.int32): MNN.Halide_Type_Int}


class Mnn(Engine):
    call = ("copyFrom() of host tensors kept in place, runSession(), copyToHostTensor(); "
            "one interpreter per caller; precision high")
    distributions = ("mnn",)

    def __init__(self):
        self.version = importlib.metadata.version("mnn")

    def load(self, model, threads):
        self.model, self.threads = model, threads
        self.path = str(model.file("model.mnn"))
        self.first = MNN.Interpreter(self.path)

    def caller(self, inputs):
        interpreter, self.first = self.first or MNN.Interpreter(self.path), None
        return _Caller(interpreter, self.model, self.threads, inputs)


class _Caller(Caller):
    def __init__(self, interpreter, model, threads, inputs):
        self.interpreter, self.model = interpreter, model
        self.session = interpreter.createSession(
            {"backend": "CPU", "numThread": threads, "precision": "high", "memory": "normal", "power": "normal"})
        self.places = [interpreter.getSessionInput(self.session, name) for name in model.inputs]
        for place, array in zip(self.places, inputs, strict=True):
            interpreter.resizeTensor(place, tuple(array.shape))
        interpreter.resizeSession(self.session)
        self.results = [interpreter.getSessionOutput(self.session, name) for name in model.outputs]
        self.answers = [MNN.Tensor(tuple(place.getShape()), MNN.Halide_Type_Float,
                                   np.zeros(place.getShape(), np.float32), MNN.Tensor_DimensionType_Caffe)
                        for place in self.results]
        self.feed(inputs)

    def feed(self, inputs):
        arrays = self.model.to_file_layout("model.mnn", inputs)
        # MNN holds integers in 32 bits.
        arrays = [array.astype(np.int32) if array.dtype == np.int64 else array for array in arrays]
        self.inputs = [MNN.Tensor(tuple(array.shape), TYPES[array.dtype], array, MNN.Tensor_DimensionType_Caffe)
                       for array in arrays]

    def run(self):
        for place, tensor in zip(self.places, self.inputs):
            place.copyFrom(tensor)
        self.interpreter.runSession(self.session)
        for answer, place in zip(self.answers, self.results):
            place.copyToHostTensor(answer)

    def outputs(self):
        return [np.array(answer.getNumpyData()) for answer in self.answers]
