#!/usr/bin/env python3
"""Writes a model of each operator of com.microsoft that Needletail imports, and what ONNX Runtime answers.

Needs onnx and onnxruntime. Data is seeded, so that a second run with the same versions changes nothing.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent


def reals(seed, *sizes):
    """Floats in [−1, 1)."""
    return np.random.default_rng(seed).uniform(-1, 1, sizes).astype(np.float32)


def ints(*rows):
    return np.array(rows, np.int32)


def record(name, operator, inputs, outputs, domain="com.microsoft", **attributes):
    """One node: inputs are arrays, or None where one is left out; outputs are names, or '' where not wanted."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    node = helper.make_node(operator, names, outputs, domain=domain, **attributes)
    graph = helper.make_graph(
        [node], name,
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for n, x in zip(names, inputs) if x is not None
        ],
        [
            helper.make_tensor_value_info(o, TensorProto.INT32 if o == "count" else TensorProto.FLOAT, None)
            for o in outputs if o
        ])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8,
        producer_name="needletail")
    folder = HERE / name
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = {n: x for n, x in zip(names, inputs) if x is not None}
    for i, (n, x) in enumerate(given.items()):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(x, n).SerializeToString())
    for i, (o, y) in enumerate(zip([o for o in outputs if o], session.run(None, given))):
        (data / f"output_{i}.pb").write_bytes(numpy_helper.from_array(y, o).SerializeToString())


record("contributed_gelu", "Gelu", [4 * reals(1, 3, 5)], ["y"])
record("contributed_bias_gelu", "BiasGelu", [2 * reals(2, 2, 3, 4), reals(3, 4)], ["y"])
record("contributed_fast_gelu", "FastGelu", [4 * reals(4, 2, 3, 4), reals(5, 4)], ["y"])
record("contributed_quick_gelu", "QuickGelu", [4 * reals(6, 3, 5)], ["y"], alpha=1.5)
record(
    "contributed_skip_layer_normalization", "SkipLayerNormalization",
    [reals(7, 2, 3, 8), reals(8, 2, 3, 8), reals(9, 8), reals(10, 8), reals(11, 8)], ["y", "", "", "sum"],
    epsilon=1e-5)
record(
    "contributed_skip_simplified_layer_normalization", "SkipSimplifiedLayerNormalization",
    [reals(12, 2, 3, 8), reals(13, 2, 3, 8), reals(14, 8)], ["y", "", "", "sum"], epsilon=1e-5)
record(
    "contributed_simplified_layer_normalization", "SimplifiedLayerNormalization", [reals(15, 2, 3, 8), reals(16, 8)],
    ["y"], domain="", axis=-1, epsilon=1e-5)
record(
    "contributed_embed_layer_normalization", "EmbedLayerNormalization",
    [
        ints([1, 4, 0], [3, 3, 2]), ints([0, 1, 1], [0, 0, 1]), reals(17, 5, 8), reals(18, 4, 8), reals(19, 2, 8),
        reals(20, 8), reals(21, 8), ints([1, 1, 0], [1, 1, 1])
    ], ["y", "count"], epsilon=1e-5)
QKV = [reals(22, 2, 3, 8), reals(23, 2, 5, 8), reals(24, 2, 5, 12)]
record(
    "contributed_multi_head_attention", "MultiHeadAttention",
    QKV + [reals(25, 28), ints([1, 1, 1, 0, 0], [1, 1, 1, 1, 1]), reals(26, 1, 2, 3, 5)], ["y"], num_heads=2)
SELF = [reals(27, 2, 3, 8), reals(28, 2, 3, 8), reals(29, 2, 3, 8)]
PAST = [reals(30, 2, 2, 4, 4), reals(31, 2, 2, 4, 4)]
record(
    "contributed_multi_head_attention_past", "MultiHeadAttention", SELF + [None, None, None] + PAST,
    ["y", "key", "value"], num_heads=2, unidirectional=1, scale=0.3)
INPUT = [reals(32, 2, 4, 6), reals(33, 6, 24), reals(34, 24)]
record(
    "contributed_attention", "Attention", INPUT + [ints([1, 1, 1, 0], [1, 1, 1, 1])], ["y"], num_heads=2)
record("contributed_attention_lengths", "Attention", INPUT + [np.array([3, 4], np.int32)], ["y"], num_heads=2)
record(
    "contributed_attention_past", "Attention",
    INPUT + [ints([1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1]), reals(35, 2, 2, 2, 3, 4)], ["y", "present"],
    num_heads=2, unidirectional=1)
record(
    "contributed_attention_sizes", "Attention", [reals(36, 2, 4, 6), reals(37, 6, 20), reals(38, 20)], ["y"],
    num_heads=2, qkv_hidden_sizes=[8, 8, 4])
record("contributed_fused_matmul", "FusedMatMul", [reals(39, 2, 4, 3), reals(40, 2, 5, 4)], ["y"], alpha=0.5,
       transA=1, transB=1)
record(
    "contributed_rotary_embedding", "RotaryEmbedding",
    [reals(41, 2, 3, 8), np.array([[0, 1, 2], [4, 3, 5]], np.int64), reals(42, 6, 2), reals(43, 6, 2)], ["y"],
    interleaved=1)
