"""OpenVINO's CPU plugin, with a hint to compute in f32 or with its default precision."""

import sys

# Keeps the reporting of its use from being imported.
sys.modules["openvino_telemetry"] = None

import openvino  # noqa: E402

from .base import Caller, Engine  # noqa: E402


class OpenVino(Engine):
    call = "InferRequest.infer() on tensors set once; the model compiled for the inputs' shapes"
    distributions = ("openvino",)
    unused = ("openvino-telemetry",)

    def __init__(self, precision):
        self.version = openvino.__version__
        self.hint = precision
        self.precision = precision or "the engine's default (bf16 where the processor has it)"

    def load(self, model, threads):
        self.core = openvino.Core()
        self.properties = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        if self.hint:
            self.properties["INFERENCE_PRECISION_HINT"] = self.hint
        self.model = self.core.read_model(str(model.file("model.onnx")))
        self.compiled = {}

    def caller(self, inputs):
        shapes = tuple(array.shape for array in inputs)
        if shapes not in self.compiled:
            model = self.model.clone()
            model.reshape({port.any_name: list(shape) for port, shape in zip(model.inputs, shapes, strict=True)})
            self.compiled[shapes] = self.core.compile_model(model, "CPU", self.properties)
            if not self.hint:
                self.precision = str(self.compiled[shapes].get_property("INFERENCE_PRECISION_HINT").get_type_name())
        return _Caller(self.compiled[shapes], inputs)


class _Caller(Caller):
    def __init__(self, compiled, inputs):
        self.request = compiled.create_infer_request()
        self.tensors = [openvino.Tensor(port.element_type, list(port.shape)) for port in compiled.inputs]
        for index, tensor in enumerate(self.tensors):
            self.request.set_input_tensor(index, tensor)
        self.count = len(compiled.outputs)
        self.feed(inputs)

    def feed(self, inputs):
        for tensor, array in zip(self.tensors, inputs, strict=True):
            tensor.data[...] = array

    def run(self):
        self.request.infer(share_inputs=True, share_outputs=True)

    def outputs(self):
        return [self.request.get_output_tensor(index).data.copy() for index in range(self.count)]
