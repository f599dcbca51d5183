"""ncnn in f32, for one item per run."""

import importlib.metadata

import ncnn
import numpy as np

from .base import Caller, Engine, Unsupported


class Ncnn(Engine):
    call = "an extractor per run: input(), extract(); fp16, bf16 and Vulkan off; the input kept in place"
    distributions = ("ncnn",)
    # Its download of example models alone uses them.
    unused = ("tqdm", "requests", "portalocker")

    def __init__(self):
        self.version = importlib.metadata.version("ncnn")

    def load(self, model, threads):
        parameters, weights = model.file("model.ncnn.param"), model.file("model.ncnn.bin")
        self.model = model
        self.net = ncnn.Net()
        options = self.net.opt
        options.num_threads = threads
        for name in ("use_vulkan_compute", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                     "use_bf16_storage", "use_bf16_packed", "use_int8_inference"):
            if hasattr(options, name):
                setattr(options, name, False)
        if self.net.load_param(str(parameters)) or self.net.load_model(str(weights)):
            raise RuntimeError(f"ncnn could not read {parameters}")

    def caller(self, inputs):
        if any(array.shape[0] != 1 for array in inputs):
            raise Unsupported("ncnn has no batch dimension: one item per run")
        return _Caller(self.net, self.model, inputs)


class _Caller(Caller):
    def __init__(self, net, model, inputs):
        self.net, self.model = net, model
        self.inputs, self.names = net.input_names(), net.output_names()
        self.feed(inputs)

    def feed(self, inputs):
        arrays = self.model.to_file_layout("model.ncnn.param", inputs)
        arrays = [array[0].astype(np.int32 if array.dtype == np.int64 else array.dtype) for array in arrays]
        # clone(): a Mat made of an array refers to memory whose channels are not padded as ncnn wants.
        self.mats = [ncnn.Mat(array).clone() for array in arrays]

    def run(self):
        extractor = self.net.create_extractor()
        for name, mat in zip(self.inputs, self.mats, strict=True):
            extractor.input(name, mat)
        self.result = [extractor.extract(name)[1] for name in self.names]

    def outputs(self):
        return [np.array(mat)[None] for mat in self.result]
