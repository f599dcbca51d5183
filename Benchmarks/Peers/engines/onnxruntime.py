"""ONNX Runtime, with all graph optimizations or with none."""

import onnxruntime

from .base import Caller, Engine


class OnnxRuntime(Engine):
    call = "run_with_iobinding; inputs and outputs bound to arrays kept in place"
    distributions = ("onnxruntime",)

    def __init__(self, optimized):
        self.version = onnxruntime.__version__
        self.optimized = optimized

    def load(self, model, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if self.optimized else levels.ORT_DISABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(model.file("model.onnx")), options, providers=["CPUExecutionProvider"])

    def caller(self, inputs):
        return _Caller(self.session, inputs)


class _Caller(Caller):
    def __init__(self, session, inputs):
        self.session = session
        self.inputs = [array.copy() for array in inputs]
        self.binding = session.io_binding()
        # On the CPU a value made of an array refers to the array's own memory.
        self.values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in self.inputs]
        for value, node in zip(self.values, session.get_inputs(), strict=True):
            self.binding.bind_ortvalue_input(node.name, value)
        for node in session.get_outputs():
            self.binding.bind_output(node.name, "cpu")
        self.kept = None

    def feed(self, inputs):
        for kept, array in zip(self.inputs, inputs, strict=True):
            kept[...] = array

    def run(self):
        self.session.run_with_iobinding(self.binding)
        if self.kept is None:
            # The first run told the outputs' shapes: from now on they stay where they are.
            self.kept = self.binding.get_outputs()
            for value, node in zip(self.kept, self.session.get_outputs(), strict=True):
                self.binding.bind_ortvalue_output(node.name, value)

    def outputs(self):
        return [value.numpy().copy() for value in self.kept]
