"""The engines that can be measured, by the name a worker is started with."""

import importlib

# name: (module, class, further arguments of the class)
ENGINES = {
    "onnxruntime": ("onnxruntime", "OnnxRuntime", (True,)),
    "onnxruntime_unoptimized": ("onnxruntime", "OnnxRuntime", (False,)),
    "openvino_f32": ("openvino", "OpenVino", ("f32",)),
    "openvino_default": ("openvino", "OpenVino", (None,)),
    "litert": ("litert", "LiteRT", ()),
    "pytorch": ("pytorch", "PyTorch", ()),
    "keras": ("keras", "Keras", ()),
    "tensorflow_frozen": ("tensorflow", "TensorFlow", ("frozen.pb",)),
    "tensorflow_grappler": ("tensorflow", "TensorFlow", ("grappler.pb",)),
    "ncnn": ("ncnn", "Ncnn", ()),
    "mnn": ("mnn", "Mnn", ()),
}


def make(name):
    """The engine of a name; imports what it needs."""
    module, kind, arguments = ENGINES[name]
    return getattr(importlib.import_module(f"engines.{module}"), kind)(*arguments)
