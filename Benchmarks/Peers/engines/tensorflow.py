"""TensorFlow, running a frozen graph: as it was frozen, or after grappler."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf  # noqa: E402

from .base import Caller, Engine  # noqa: E402


def set_threads(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class TensorFlow(Engine):
    call = "a concrete tf.function of the imported graph, called on a tensor kept in place"
    distributions = ("tensorflow",)

    def __init__(self, file):
        self.version = tf.__version__
        self.file = file

    def load(self, model, threads):
        path = model.file(self.file)
        set_threads(threads)
        self.model = model
        definition = tf.compat.v1.GraphDef()
        definition.ParseFromString(path.read_bytes())
        facts = model.facts["files"][self.file]
        shapes = {node.name: node.attr["shape"].shape for node in definition.node if node.op == "Placeholder"}
        signature = [tf.TensorSpec(shapes[name.split(":")[0]], tf.float32) for name in facts["input_tensors"]]

        # A pruned wrap_function would do the same and cost milliseconds per call.
        @tf.function(input_signature=signature)
        def function(*inputs):
            return tf.graph_util.import_graph_def(
                definition, input_map=dict(zip(facts["input_tensors"], inputs)),
                return_elements=facts["output_tensors"], name="")

        self.function = function.get_concrete_function()

    def caller(self, inputs):
        return _Caller(self.function, self.model, self.file, inputs)


class _Caller(Caller):
    def __init__(self, function, model, file, inputs):
        self.function, self.model, self.file = function, model, file
        self.feed(inputs)

    def feed(self, inputs):
        self.inputs = [tf.constant(array) for array in self.model.to_file_layout(self.file, inputs)]

    def run(self):
        # On the CPU a function's tensors are computed when the call returns.
        self.result = self.function(*self.inputs)

    def outputs(self):
        return [value.numpy().copy() for value in self.result]
