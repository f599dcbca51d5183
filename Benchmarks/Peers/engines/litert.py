"""LiteRT with its XNNPACK delegate."""

import importlib.metadata

from ai_edge_litert.interpreter import Interpreter

from .base import Caller, Engine


class LiteRT(Engine):
    call = "Interpreter.invoke() with XNNPACK on tensors set once; one interpreter per caller"
    distributions = ("ai-edge-litert",)

    def __init__(self):
        self.version = importlib.metadata.version("ai-edge-litert")

    def load(self, model, threads):
        self.model, self.threads = model, threads
        self.path = str(model.file("model.tflite"))
        # Reading and checking the file counts as loading; each caller then has an interpreter of its own.
        self.first = Interpreter(self.path, num_threads=threads)

    def caller(self, inputs):
        interpreter, self.first = self.first or Interpreter(self.path, num_threads=self.threads), None
        return _Caller(interpreter, self.model, inputs)


class _Caller(Caller):
    def __init__(self, interpreter, model, inputs):
        self.interpreter, self.model = interpreter, model
        arrays = model.to_file_layout("model.tflite", inputs)
        self.places = [detail["index"] for detail in interpreter.get_input_details()]
        for place, array in zip(self.places, arrays, strict=True):
            interpreter.resize_tensor_input(place, array.shape)
        interpreter.allocate_tensors()
        self.results = [detail["index"] for detail in interpreter.get_output_details()]
        self.run = interpreter.invoke
        self.feed(inputs)

    def feed(self, inputs):
        for place, array in zip(self.places, self.model.to_file_layout("model.tflite", inputs), strict=True):
            self.interpreter.set_tensor(place, array)

    def outputs(self):
        return [self.interpreter.get_tensor(place).copy() for place in self.results]
