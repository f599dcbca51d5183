"""PyTorch, running a TorchScript trace."""

import torch

from .base import Caller, Engine


class PyTorch(Engine):
    call = "a TorchScript trace, frozen, called in inference_mode on tensors kept in place"
    distributions = ("torch",)

    def __init__(self):
        self.version = torch.__version__

    def load(self, model, threads):
        torch.set_num_threads(threads)
        self.model = model
        self.module = torch.jit.freeze(torch.jit.load(str(model.file("model.pt")), map_location="cpu").eval())

    def caller(self, inputs):
        return _Caller(self.module, self.model, inputs)


class _Caller(Caller):
    def __init__(self, module, model, inputs):
        self.module, self.model = module, model
        self.inputs = [torch.from_numpy(array) for array in model.to_file_layout("model.pt", inputs)]

    def feed(self, inputs):
        for kept, array in zip(self.inputs, self.model.to_file_layout("model.pt", inputs), strict=True):
            kept.copy_(torch.from_numpy(array))

    def run(self):
        with torch.inference_mode():
            self.result = self.module(*self.inputs)

    def outputs(self):
        results = self.result if isinstance(self.result, (tuple, list)) else [self.result]
        return [value.numpy().copy() for value in results]
