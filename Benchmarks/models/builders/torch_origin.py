"""PyTorch models: built with seeded weights, calibrated, and written as TorchScript and ONNX."""

import warnings

import numpy as np
import onnx
import torch
import torchvision
from torch import nn

from .bert import BertEncoder
from .pictures import pictures

OPSET = 17


def build(entry, folder):
    """Writes model.pt and model.onnx and returns what model.json says about them."""
    torch.manual_seed(entry.seed)
    if entry.definition == "bert_l6_h384":
        model, inputs, facts = _bert(entry)
    else:
        model, inputs, facts = _image_classifier(entry)
    model.eval()
    write(model, inputs, facts, folder)
    facts["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    facts["accuracy"] = None if entry.accuracy is None else {
        "value": entry.accuracy, "kind": "declared", "source": entry.source}
    facts["versions"] = {"torch": torch.__version__, "torchvision": torchvision.__version__,
                         "onnx": onnx.__version__}
    return facts


def trace(model, inputs, path):
    """Writes a TorchScript trace."""
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model, inputs, check_trace=False).save(str(path))


def write(model, inputs, facts, folder):
    names = [value["name"] for value in facts["inputs"]]
    outputs = [value["name"] for value in facts["outputs"]]
    trace(model, inputs, folder / "model.pt")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # In training mode PRESERVE the exporter leaves BatchNormalization where it stands.
        torch.onnx.export(
            model, inputs, str(folder / "model.onnx"), dynamo=False, opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
            input_names=names, output_names=outputs, dynamic_axes={name: {0: "N"} for name in names + outputs})
    onnx.checker.check_model(str(folder / "model.onnx"))


def _image_classifier(entry):
    model = getattr(torchvision.models, entry.definition)(weights=None)
    generator = torch.Generator().manual_seed(entry.seed)
    images = torch.from_numpy(pictures(np.random.default_rng(entry.seed), 8, 224)).permute(0, 3, 1, 2).contiguous()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for module in model.modules():
            # Zero biases would be one tensor many times over, which the exporter shares.
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                module.bias.normal_(0, 0.05, generator=generator)
        for norm in norms:
            norm.weight.uniform_(0.7, 1.3, generator=generator)
            norm.bias.normal_(0, 0.2, generator=generator)
            norm.momentum = 1.0
        for module in model.modules():
            if isinstance(module, torchvision.models.resnet.Bottleneck):
                # As in trained networks a branch adds less than what it is added to, or rounding grows with depth.
                module.bn3.weight.uniform_(0.2, 0.5, generator=generator)
        # With a momentum of 1 the running statistics are those of this one batch.
        model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout) or type(module).__name__ == "StochasticDepth":
                module.eval()
        model(images)
        model.eval()
        for norm in norms:
            norm.momentum = 0.1
            shift = torch.empty_like(norm.running_mean).normal_(0, 0.1, generator=generator)
            norm.running_mean += shift * norm.running_var.sqrt()
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25, generator=generator)
        scale = 1 / model(images).std()
        head = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.Conv2d))][-1]
        head.weight *= scale
        head.bias *= scale
    return model, (images[:1],), {
        "layout": "NCHW",
        "inputs": [{"name": "image", "shape": ["N", 3, 224, 224], "dtype": "float32", "minimum": -1.0, "maximum": 1.0}],
        "outputs": [{"name": "logits", "shape": ["N", 1000], "dtype": "float32"}],
    }


def _bert(entry):
    model = BertEncoder()
    generator = torch.Generator().manual_seed(entry.seed)
    tokens = torch.randint(0, model.vocabulary, (1, model.tokens), generator=generator)
    return model, (tokens,), {
        "layout": None,
        "inputs": [{"name": "tokens", "shape": ["N", model.tokens], "dtype": "int64",
                    "minimum": 0, "maximum": model.vocabulary - 1}],
        "outputs": [{"name": "hidden", "shape": ["N", model.tokens, model.width], "dtype": "float32"}],
    }
