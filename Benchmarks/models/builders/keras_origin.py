"""Keras models: built, trained or calibrated, and written as Keras, ONNX, LiteRT and TensorFlow files."""

import numpy as np
import tensorflow as tf

import keras
import onnx
import tf2onnx
from keras.src.backend.tensorflow import nn as keras_nn
from tf2onnx.optimizer import back_to_back_optimizer

from . import digits
from .onnx_names import rename
from .pictures import pictures

OPSET = 17


def mnist_mlp():
    """Keras' beginners' layout."""
    return keras.Sequential([
        keras.Input((28, 28, 1), name="image"),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ], name="mnist_mlp")


def mnist_cnn():
    """The classic layout of Keras' examples: 3x3 convolutions of 32 and 64, pooling, dense 128."""
    return keras.Sequential([
        keras.Input((28, 28, 1), name="image"),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Dropout(0.25),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ], name="mnist_cnn")


def build(entry, folder):
    """Writes model.keras and model.onnx and returns what model.json says about them."""
    keras.utils.set_random_seed(entry.seed)
    tf.config.experimental.enable_op_determinism()
    if entry.definition.startswith("mnist"):
        model = globals()[entry.definition]()
        accuracy = _train(model, epochs={"mnist_mlp": 8, "mnist_cnn": 4}[entry.name])
    else:
        model = getattr(keras.applications, entry.definition)(weights=None)
        _calibrate(model, entry.seed)
        accuracy = {"value": entry.accuracy, "kind": "declared", "source": entry.source}
    # A copy that was never compiled has no optimizer's state to write.
    plain = type(model).from_config(model.get_config())
    plain.set_weights(model.get_weights())
    plain.save(folder / "model.keras")
    side = model.input_shape[1:]
    _write_onnx(model, folder / "model.onnx")
    photo = side[-1] == 3
    return {
        "layout": "NHWC",
        "inputs": [{"name": "image", "shape": ["N", *side], "dtype": "float32",
                    "minimum": -1.0 if photo else 0.0, "maximum": 1.0}],
        "outputs": [{"name": "probabilities", "shape": ["N", model.output_shape[-1]], "dtype": "float32"}],
        "parameters": int(model.count_params()),
        "accuracy": accuracy,
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "tf2onnx": tf2onnx.__version__,
                     "onnx": onnx.__version__},
    }


def _train(model, epochs):
    images, labels, test_images, test_labels, split = digits.split()
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    model.fit(images[..., None], labels, batch_size=128, epochs=epochs, verbose=2)
    loss, accuracy = model.evaluate(test_images[..., None], test_labels, batch_size=500, verbose=0)
    return {"value": round(float(accuracy), 6), "kind": "measured", "loss": round(float(loss), 6),
            "source": f"Keras' evaluate() on {split['test']}, trained {epochs} epochs on {split['training']}"}


def _calibrate(model, seed):
    """Gives every BatchNormalization scales, shifts and statistics of its own, which keep activations of order 1."""
    random = np.random.default_rng(seed)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        if layer.gamma is not None:
            layer.gamma.assign(random.uniform(0.7, 1.3, layer.gamma.shape))
        layer.beta.assign(random.normal(0, 0.2, layer.beta.shape))
        layer.momentum = 0.0
    images = pictures(random, 8, model.input_shape[1])
    # With a momentum of 0 the statistics are those of this one batch.
    model(images, training=True)
    for layer in norms:
        layer.momentum = 0.99
        shift = random.normal(0, 0.1, layer.moving_mean.shape)
        layer.moving_mean.assign_add(shift * np.sqrt(layer.moving_variance))
        layer.moving_variance.assign(layer.moving_variance * random.uniform(0.8, 1.25, layer.moving_variance.shape))
    # Softmax of logits of order 1: neither uniform nor saturated.
    head = model.layers[-1]
    features = keras.Model(model.input, head.input)(images, training=False)
    logits = np.asarray(features) @ np.asarray(head.kernel)
    head.kernel.assign(head.kernel * (2.0 / logits.std()))
    head.bias.assign(random.normal(0, 0.5, head.bias.shape))


def _write_onnx(model, path):
    # tf2onnx would fold BatchNormalization into Conv; that is the engines' work here.
    back_to_back_optimizer._func_map.pop(("Conv", "BatchNormalization"), None)
    # Keras writes BatchNormalization out in elementary operations; TensorFlow's own is one node.
    keras_nn.batch_normalization = _fused_batch_norm
    function, _ = _function(model)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
    rename(proto, inputs=["image"], outputs=["probabilities"])
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def _fused_batch_norm(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    if len(x.shape) != 4 or axis not in (-1, 3):
        raise ValueError(f"BatchNormalization over axis {axis} of {len(x.shape)} has no fused form")
    scale = tf.ones_like(mean) if scale is None else scale
    offset = tf.zeros_like(mean) if offset is None else offset
    return tf.compat.v1.nn.fused_batch_norm(x, scale, offset, mean, variance, epsilon, is_training=False)[0]


def _function(model):
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    return function, function.get_concrete_function()


def litert(entry, folder):
    """Writes model.tflite, in f32."""
    model = keras.models.load_model(folder / "model.keras")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (folder / "model.tflite").write_bytes(converter.convert())
    return {"model.tflite": {"layout": "NHWC"}}


def graphs(entry, folder):
    """Writes frozen.pb (variables made constants) and grappler.pb (then optimized by grappler)."""
    from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    from tensorflow.python.grappler import tf_optimizer
    from tensorflow.python.training.saver import export_meta_graph

    model = keras.models.load_model(folder / "model.keras")
    _, concrete = _function(model)
    frozen = convert_variables_to_constants_v2(concrete)
    definition = frozen.graph.as_graph_def()
    (folder / "frozen.pb").write_bytes(definition.SerializeToString())

    inputs = [tensor.name for tensor in frozen.inputs if tensor.dtype != tf.resource]
    outputs = [tensor.name for tensor in frozen.outputs]
    meta = export_meta_graph(graph_def=definition, graph=frozen.graph)
    fetches = meta_graph_pb2.CollectionDef()
    fetches.node_list.value.extend(inputs + outputs)
    meta.collection_def["train_op"].CopyFrom(fetches)
    configuration = config_pb2.ConfigProto()
    options = configuration.graph_options.rewrite_options
    options.min_graph_nodes = -1
    options.meta_optimizer_iterations = 2
    optimized = tf_optimizer.OptimizeGraph(configuration, meta)
    (folder / "grappler.pb").write_bytes(optimized.SerializeToString())
    fact = {"layout": "NHWC", "input_tensors": inputs, "output_tensors": outputs}
    return {"frozen.pb": {**fact, "nodes": len(definition.node)},
            "grappler.pb": {**fact, "nodes": len(optimized.node)}}
