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


def record(name, operator, inputs, outputs, domain="com.microsoft", types={}, constants=(), **attributes):
    """One node: inputs are arrays, or None where one is left out; outputs are names, or '' where not wanted."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    node = helper.make_node(operator, names, outputs, domain=domain, **attributes)
    graph = helper.make_graph(
        [node], name,
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for i, (n, x) in enumerate(zip(names, inputs)) if x is not None and i not in constants
        ],
        [
            helper.make_tensor_value_info(o, types.get(o, TensorProto.INT32 if o == "count" else TensorProto.FLOAT), None)
            for o in outputs if o
        ], [numpy_helper.from_array(inputs[i], names[i]) for i in constants])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(domain or "com.microsoft", 1)], ir_version=8,
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
    given = {n: x for i, (n, x) in enumerate(zip(names, inputs)) if x is not None and i not in constants}
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


def bytes_of(seed, *sizes, dtype=np.uint8):
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, sizes, dtype, endpoint=True)


def scale(value):
    return np.array(value, np.float32)


def zero(value, dtype=np.uint8):
    return np.array(value, dtype)


BYTES = {"y": TensorProto.UINT8}
A = [bytes_of(44, 2, 3, 4), scale(0.02), zero(120)]
B = [bytes_of(45, 3, 4), scale(0.03), zero(130)]
record("contributed_qlinear_add", "QLinearAdd", A + B + [scale(0.05), zero(127)], ["y"], types=BYTES)
record("contributed_qlinear_mul", "QLinearMul", A + B + [scale(0.1), zero(127)], ["y"], types=BYTES)
record(
    "contributed_qlinear_add_signed", "QLinearAdd",
    [bytes_of(46, 2, 3, dtype=np.int8), scale(0.02), zero(3, np.int8), bytes_of(47, 2, 3, dtype=np.int8), scale(0.03),
     zero(-4, np.int8), scale(0.05), zero(5, np.int8)], ["y"], types={"y": TensorProto.INT8})
record("contributed_qlinear_sigmoid", "QLinearSigmoid", A + [scale(1 / 256), zero(0)], ["y"], types=BYTES)
record("contributed_qlinear_leaky_relu", "QLinearLeakyRelu", A + [scale(0.02), zero(40)], ["y"], types=BYTES, alpha=0.2)
record(
    "contributed_qlinear_softmax", "QLinearSoftmax", A + [scale(1 / 256), zero(0)], ["y"], types=BYTES, axis=-1,
    opset=13)
IMAGE = [bytes_of(48, 1, 3, 6, 6), scale(0.02), zero(120)]
record(
    "contributed_qlinear_global_average_pool", "QLinearGlobalAveragePool", IMAGE + [scale(0.01), zero(110)], ["y"],
    types=BYTES, channels_last=0)
record(
    "contributed_qlinear_average_pool", "QLinearAveragePool", IMAGE + [scale(0.015), zero(110)], ["y"], types=BYTES,
    kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
record(
    "contributed_qlinear_concat", "QLinearConcat",
    [scale(0.025), zero(125)] + A + [bytes_of(49, 2, 1, 4), scale(0.03), zero(130)], ["y"], types=BYTES, axis=1)
record(
    "contributed_qlinear_where", "QLinearWhere",
    [np.array([[True], [False], [True]])] + A + [bytes_of(50, 3, 4), scale(0.03), zero(130), scale(0.04), zero(128)],
    ["y"], types=BYTES)
GEMM = [bytes_of(51, 3, 5), scale(0.02), zero(120), bytes_of(52, 4, 5, dtype=np.int8), scale([0.02, 0.03, 0.01, 0.04]),
        zero([1, 0, -2, 3], np.int8), np.array([100, -200, 300, -400], np.int32)]
record("contributed_qgemm", "QGemm", GEMM + [scale(0.1), zero(128)], ["y"], types=BYTES, constants=[3, 4, 5, 6], transB=1)
record("contributed_qgemm_float", "QGemm", GEMM, ["y"], constants=[3, 4, 5, 6], transB=1, alpha=0.5)
WEIGHTS = bytes_of(53, 5, 4)
record(
    "contributed_matmul_integer_to_float", "MatMulIntegerToFloat",
    [bytes_of(54, 2, 3, 5), WEIGHTS, scale(0.02), scale([0.02, 0.03, 0.01, 0.04]), zero(120), zero([120, 130, 128, 125]),
     reals(55, 4)], ["y"], constants=[1, 3, 5, 6])
record(
    "contributed_dynamic_quantize_matmul", "DynamicQuantizeMatMul",
    [reals(56, 2, 3, 5), WEIGHTS, scale([0.02, 0.03, 0.01, 0.04]), zero([120, 130, 128, 125]), reals(57, 4)], ["y"],
    constants=[1, 2, 3, 4])
record(
    "contributed_matmul_nbits", "MatMulNBits", [reals(58, 2, 3, 40), bytes_of(59, 5, 3, 8), reals(60, 5, 3)], ["y"],
    constants=[1, 2], K=40, N=5, bits=4, block_size=16)
record(
    "contributed_matmul_nbits_zeros", "MatMulNBits",
    [reals(61, 3, 48), bytes_of(62, 5, 3, 8), reals(63, 5, 3), bytes_of(64, 5, 2), None, reals(65, 5)], ["y"],
    constants=[1, 2, 3, 5], K=48, N=5, bits=4, block_size=16)
record("contributed_quantize_linear", "QuantizeLinear", [4 * reals(66, 2, 3), scale(0.0002), zero(0, np.int16)], ["y"],
       types={"y": TensorProto.INT16})
record("contributed_dequantize_linear", "DequantizeLinear",
       [bytes_of(67, 2, 3, dtype=np.uint16), scale(0.0002), zero(30000, np.uint16)], ["y"])
record(
    "contributed_fused_conv", "FusedConv",
    [reals(68, 1, 4, 5, 5), reals(69, 4, 2, 3, 3), reals(70, 4), reals(71, 1, 4, 5, 5)], ["y"], constants=[1, 2],
    group=2, pads=[1, 1, 1, 1], activation="LeakyRelu", activation_params=[0.2])
record("contributed_fused_gemm", "FusedGemm", [reals(72, 2, 3), reals(73, 4, 3), reals(74, 4)], ["y"], transB=1,
       alpha=0.5, activation="LeakyRelu", activation_alpha=0.3)
CACHES = [reals(75, 16, 8), reals(76, 16, 8)]
SHARED = dict(num_heads=4, kv_num_heads=2)
record(
    "contributed_group_query_attention", "GroupQueryAttention",
    [reals(77, 2, 3, 32), reals(78, 2, 3, 16), reals(79, 2, 3, 16), None, None, np.array([2, 2], np.int32),
     np.array(3, np.int32)], ["y", "key", "value"], **SHARED)
record(
    "contributed_group_query_attention_past", "GroupQueryAttention",
    [reals(80, 2, 1, 128), None, None, reals(81, 2, 2, 5, 16), reals(82, 2, 2, 5, 16), np.array([5, 3], np.int32),
     np.array(6, np.int32)] + CACHES, ["y", "key", "value"], do_rotary=1, scale=0.3, **SHARED)
record(
    "contributed_group_query_attention_window", "GroupQueryAttention",
    [reals(83, 1, 6, 64), reals(84, 1, 6, 32), reals(85, 1, 6, 32), None, None, np.array([5], np.int32),
     np.array(6, np.int32)] + CACHES, ["y", "key", "value"], do_rotary=1, rotary_interleaved=1, local_window_size=3,
    softcap=2.0, **SHARED)
record(
    "contributed_qattention", "QAttention",
    [bytes_of(86, 2, 4, 6), bytes_of(87, 6, 24), reals(88, 24), scale(0.01), scale(0.01),
     ints([1, 1, 1, 0], [1, 1, 1, 1]), zero(120), zero(130)], ["y"], constants=[1, 2], num_heads=2)
record(
    "contributed_one_class", "SVMRegressor", [reals(89, 5, 3)], ["y"], domain="ai.onnx.ml",
    coefficients=reals(90, 4).tolist(), support_vectors=reals(91, 12).tolist(), rho=[0.05], n_supports=4, one_class=1,
    kernel_type="RBF", kernel_params=[0.5, 0.0, 3.0])
