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
    call = "a concrete function pruned from the graph, called on a tensor kept in place; the answer waited for"
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
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
        facts, graph = model.facts["files"][self.file], wrapped.graph
        self.function = wrapped.prune([graph.get_tensor_by_name(name) for name in facts["input_tensors"]],
                                      [graph.get_tensor_by_name(name) for name in facts["output_tensors"]])

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
