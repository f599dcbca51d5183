"""PyTorch twins of the digit models: the same weights in PyTorch's layout, for engines that read no Keras file."""

import keras
import numpy as np
import torch
from torch import nn

from .torch_origin import trace


def _dense(layer, spatial=None):
    """A Linear of a Keras Dense; `spatial` (H, W, C) reorders the columns of one that follows a Flatten."""
    kernel, bias = (torch.from_numpy(np.array(keras.ops.convert_to_numpy(value))) for value in (layer.kernel, layer.bias))
    if spatial:
        kernel = kernel.reshape(*spatial, -1).permute(2, 0, 1, 3).reshape(kernel.shape)
    linear = nn.Linear(*kernel.shape)
    linear.weight.data, linear.bias.data = kernel.T.contiguous(), bias
    return linear


def _convolution(layer):
    kernel, bias = (torch.from_numpy(np.array(keras.ops.convert_to_numpy(value))) for value in (layer.kernel, layer.bias))
    kernel = kernel.permute(3, 2, 0, 1).contiguous()
    convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2:])
    convolution.weight.data, convolution.bias.data = kernel, bias
    return convolution


def write(entry, folder):
    """Writes model.pt with the weights of model.keras."""
    model = keras.models.load_model(folder / "model.keras")
    modules, spatial = [], None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            modules += [_convolution(layer), nn.ReLU()]
        elif isinstance(layer, keras.layers.MaxPooling2D):
            modules.append(nn.MaxPool2d(layer.pool_size, layer.strides))
        elif isinstance(layer, keras.layers.Flatten):
            modules.append(nn.Flatten())
            spatial = layer.input.shape[1:]
        elif isinstance(layer, keras.layers.Dense):
            last = layer is model.layers[-1]
            modules += [_dense(layer, spatial), nn.Softmax(-1) if last else nn.ReLU()]
            spatial = None
        elif not isinstance(layer, keras.layers.Dropout):
            raise ValueError(f"layer '{layer.name}' has no twin")
    height, width, channels = model.input_shape[1:]
    twin = nn.Sequential(*modules).eval()
    trace(twin, (torch.zeros(1, channels, height, width),), folder / "model.pt")
    return {"model.pt": {"layout": "NCHW", "note": "a PyTorch twin with the weights of model.keras"}}
