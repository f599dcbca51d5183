import IR
import Operators
import Tensors
import Testing

@testable import ONNX

/// Each operator in each form that versions of the operator set gave it.
@Suite struct RuleTests {
  /// Imports a model of one node and gives the node that stands for it.
  private func imported(
    _ node: NodeSpec, opset: Int64, _ inputs: [ValueSpec] = [], constants: [TensorSpec] = []
  ) throws -> (graph: Graph, node: Node) {
    let outputs = node.outputs.filter { !$0.isEmpty }.map { ValueSpec($0, nil) }
    let spec = ModelSpec(
      GraphSpec(nodes: [node], inputs: inputs, outputs: outputs, initializers: constants), opset: opset)
    let graph = try Importer.model(contents: spec.bytes, named: "rule").graph
    return (graph, try #require(graph.liveNodes.last))
  }

  private func expect(
    _ name: String, _ opset: Int64, _ attributes: [AttributeSpec] = [], _ inputs: [ValueSpec]? = nil,
    constants: [TensorSpec] = [], outputs: [String] = ["y"], operands: [String]? = nil, is op: some Operator,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let inputs = inputs ?? [ValueSpec("x", ["N", 3, 8, 8])]
    let node = NodeSpec(name, operands ?? inputs.map(\.name), outputs, attributes)
    let found = try imported(node, opset: opset, inputs, constants: constants).node
    #expect(AnyOperator(found.op) == AnyOperator(op), "found \(found.op)", sourceLocation: location)
  }

  private func refusal(
    _ name: String, _ opset: Int64, _ attributes: [AttributeSpec] = [], _ inputs: [ValueSpec]? = nil,
    operands: [String]? = nil, outputs: [String] = ["y"], constants: [TensorSpec] = []
  ) -> [Unsupported.Reason] {
    let inputs = inputs ?? [ValueSpec("x", ["N", 3, 8, 8])]
    do {
      _ = try imported(
        NodeSpec(name, operands ?? inputs.map(\.name), outputs, attributes), opset: opset, inputs,
        constants: constants)
      return []
    } catch ImportError.unsupported(_, let list) { return list.map(\.reason) } catch { return [] }
  }

  private let pair = [ValueSpec("a", ["N", 3, 8, 8]), ValueSpec("b", ["N", 3, 8, 8])]
  private let weights = TensorSpec.floats([4, 3, 3, 3], [Float](repeating: 1, count: 108), named: "w")

  // MARK: - Elementwise

  @Test func unaryFunctions() throws {
    try expect("Relu", 1, [.ints("consumed_inputs", [0])], is: Unary(.relu))
    try expect("Relu", 14, is: Unary(.relu))
    try expect("Erf", 9, is: Unary(.erf))
    try expect("HardSwish", 14, is: Unary(.hardSwish))
    try expect("Gelu", 20, is: Unary(.gelu))
    try expect("Gelu", 20, [.string("approximate", "tanh")], is: Unary(.geluTanh))
    try expect("LeakyRelu", 6, is: Unary(.leakyRelu(Real(Double(Float(0.01))))))
    try expect("LeakyRelu", 6, [.float("alpha", 0.25)], is: Unary(.leakyRelu(0.25)))
    try expect("Elu", 6, is: Unary(.elu(1)))
    try expect(
      "HardSigmoid", 6, is: Unary(.hardSigmoid(alpha: Real(Double(Float(0.2))), beta: 0.5)))
    try expect(
      "Selu", 1, is: Unary(.selu(alpha: Real(Double(Float(1.6732))), gamma: Real(Double(Float(1.0507))))))
    #expect(refusal("Relu", 6, [.ints("consumed_inputs", [0])]) == [.unknownAttribute("consumed_inputs")])
    #expect(refusal("Gelu", 19) == [.version(found: 19, known: 20...28)])
    #expect(
      refusal("Gelu", 20, [.string("approximate", "sigmoid")])
        == [.attribute(name: "approximate", expected: "none or tanh", found: "sigmoid")])
    #expect(
      refusal("LeakyRelu", 6, [.int("alpha", 1)]) == [
        .attribute(name: "alpha", expected: "FLOAT", found: "INT")
      ])
  }

  @Test func binaryFunctions() throws {
    try expect("Add", 7, pair, is: Binary(.add))
    try expect("Pow", 13, pair, is: Binary(.pow))
    try expect("Less", 9, pair, is: Binary(.less))
    try expect("GreaterOrEqual", 12, pair, is: Binary(.greaterOrEqual))
    let ints = [ValueSpec("a", [4], type: 7), ValueSpec("b", [4], type: 7)]
    try expect("Mod", 10, ints, is: Binary(.mod))
    try expect("Mod", 10, [.int("fmod", 1)], pair, is: Binary(.fmod))
    let words = [ValueSpec("a", [4], type: 12), ValueSpec("b", [4], type: 12)]
    try expect("BitShift", 11, [.string("direction", "LEFT")], words, is: Binary(.shiftLeft))
    #expect(refusal("Add", 7, [.int("broadcast", 1)], pair) == [.unknownAttribute("broadcast")])
  }

  private func expect(_ name: String, _ opset: Int64, _ inputs: [ValueSpec], is op: some Operator) throws {
    try expect(name, opset, [], inputs, is: op)
  }

  @Test func broadcastingBeforeOpset7() throws {
    let node = NodeSpec("Add", ["x", "b"], ["y"], [.int("broadcast", 1), .int("axis", 1)])
    let (graph, found) = try imported(
      node, opset: 6, [ValueSpec("x", ["N", 3, 8, 8]), ValueSpec("b", [3])])
    #expect(AnyOperator(found.op) == AnyOperator(Binary(.add)))
    let slope = try #require(found.inputs[1])
    let aligned = try #require(graph.producer(of: slope))
    #expect(AnyOperator(aligned.op) == AnyOperator(Unsqueeze(axes: [1, 2])))
    let slopes = NodeSpec("PRelu", ["x", "b"], ["y"])
    let prelu = try imported(slopes, opset: 6, [ValueSpec("x", ["N", 3, 8, 8]), ValueSpec("b", [3])])
    #expect(prelu.graph.nodeCount == 2)
    let modern = try imported(
      slopes, opset: 9, [ValueSpec("x", ["N", 3, 8, 8]), ValueSpec("b", [3, 1, 1])])
    #expect(modern.graph.nodeCount == 1)
  }

  @Test func manyOperands() throws {
    try expect("Sum", 8, pair, is: Variadic(.sum))
    try expect("Max", 6, pair, is: Variadic(.max))
    try expect("Mean", 1, [.ints("consumed_inputs", [0, 0])], pair, is: Variadic(.mean))
    try expect("Clip", 6, [.float("min", 0), .float("max", 6)], is: Clip(lower: 0, upper: 6))
    try expect("Clip", 1, [.float("min", 0)], is: Clip(lower: 0, upper: nil))
    try expect(
      "Clip", 11, [], [ValueSpec("x", [2])], constants: [.floats([], [6], named: "max")],
      operands: ["x", "", "max"],
      is: Clip())
    let choice = [ValueSpec("c", [2], type: 9), ValueSpec("a", [2]), ValueSpec("b", [2])]
    try expect("Where", 9, choice, is: Where())
    try expect("Cast", 1, [.string("to", "INT64")], is: Cast(to: .int64))
    try expect("Cast", 9, [.int("to", 10)], is: Cast(to: .float16))
    try expect(
      "Cast", 19, [.int("to", 17), .int("saturate", 0)], is: Cast(to: .float8E4M3FN, saturate: false))
    #expect(
      refusal("Cast", 9, [.int("to", 99)]) == [
        .attribute(name: "to", expected: "an element type", found: "99")
      ])
    #expect(refusal("Cast", 9) == [.missingAttribute("to")])
  }

  @Test func dropoutTrainsWhereAModelAsksForIt() throws {
    try expect("Dropout", 6, [.float("ratio", 0.5), .int("is_test", 1)], is: Dropout())
    try expect("Dropout", 10, [.float("ratio", 0.5)], outputs: ["y", "mask"], is: Dropout())
    let off = TensorSpec(type: 9, sizes: []) { e in
      e.string(8, "t")
      e.bytes(9, [0])
    }
    let on = TensorSpec(type: 9, sizes: []) { e in
      e.string(8, "t")
      e.bytes(9, [1])
    }
    let x = [ValueSpec("x", ["N", 3])]
    try expect(
      "Dropout", 12, [.int("seed", 1)], x, constants: [off], operands: ["x", "", "t"], is: Dropout())
    try expect(
      "Dropout", 12, [.int("seed", 1)], x, constants: [on], operands: ["x", "", "t"],
      is: TrainingDropout(seed: 1))
    try expect(
      "Dropout", 12, [], x + [ValueSpec("t", [], type: 9)], operands: ["x", "", "t"], is: TrainingDropout())
    #expect(refusal("Dropout", 7, [], x, outputs: ["y", "mask"]).count == 1)
    let unread = ModelSpec(
      GraphSpec(
        nodes: [NodeSpec("Dropout", ["x"], ["y", "mask"])], inputs: x, outputs: [ValueSpec("y", nil)]),
      opset: 7)
    #expect(try Importer.model(contents: unread.bytes, named: "mask").graph.liveNodes[0].outputs.count == 1)
  }

  // MARK: - Windows

  @Test func convolutions() throws {
    let x = [ValueSpec("x", ["N", 3, 8, 8])]
    try expect(
      "Conv", 1,
      [
        .ints("kernel_shape", [3, 3]), .ints("pads", [1, 2, 3, 4]), .ints("strides", [2, 1]),
        .int("group", 1),
      ], x,
      constants: [weights], operands: ["x", "w"],
      is: Convolution(window: Window(kernel: [3, 3], strides: [2, 1], padsBegin: [1, 2], padsEnd: [3, 4])))
    // The kernel follows from the weights where it is not given.
    try expect(
      "Conv", 11, [.string("auto_pad", "SAME_UPPER")], x, constants: [weights], operands: ["x", "w"],
      is: Convolution(window: Window(kernel: [3, 3], autoPad: .sameUpper)))
    let transposed = TensorSpec.floats([3, 2, 3, 3], [Float](repeating: 1, count: 54), named: "w")
    try expect(
      "ConvTranspose", 11, [.ints("strides", [2, 2]), .ints("output_padding", [1, 1])], x,
      constants: [transposed],
      operands: ["x", "w"],
      is: ConvTranspose(window: Window(kernel: [3, 3], strides: [2, 2]), outputPadding: [1, 1]))
  }

  @Test(arguments: [
    ("strides", [Int64](arrayLiteral: 1)), ("strides", [0, 1]), ("dilations", [1, 0]),
    ("dilations", [1, 1, 1]),
    ("pads", [1, 1]), ("pads", [0, 0, -1, 0]), ("kernel_shape", [0, 3]), ("kernel_shape", [2, 2]),
    ("kernel_shape", []), ("strides", [1, 1 << 40]),
  ])
  func windowsAreChecked(name: String, values: [Int64]) {
    let found = refusal(
      "Conv", 11, [.ints(name, values)], [ValueSpec("x", ["N", 3, 8, 8])], operands: ["x", "w"],
      constants: [weights])
    guard case .attribute(let attribute, _, _)? = found.first else {
      Issue.record("\(found)")
      return
    }
    #expect(attribute == name)
  }

  @Test func groupsAreChecked() {
    let x = [ValueSpec("x", ["N", 3, 8, 8])]
    for group in [0, -1] as [Int64] {
      let found = refusal("Conv", 11, [.int("group", group)], x, operands: ["x", "w"], constants: [weights])
      #expect(found == [.attribute(name: "group", expected: "numbers of at least 1", found: "\(group)")])
    }
  }

  @Test func pooling() throws {
    let kernel = AttributeSpec.ints("kernel_shape", [2, 2])
    try expect("MaxPool", 1, [kernel], is: MaxPool(window: Window(kernel: [2, 2])))
    try expect(
      "MaxPool", 12, [kernel, .int("ceil_mode", 1), .int("storage_order", 1), .ints("dilations", [2, 2])],
      outputs: ["y", "i"],
      is: MaxPool(
        window: Window(kernel: [2, 2], dilations: [2, 2]), ceilMode: true, columnMajorIndices: true))
    try expect(
      "AveragePool", 7, [kernel, .int("count_include_pad", 1)],
      is: AveragePool(window: Window(kernel: [2, 2]), countIncludePad: true))
    try expect("GlobalAveragePool", 1, is: GlobalAveragePool())
    #expect(
      refusal("AveragePool", 1, [kernel, .int("count_include_pad", 1)]) == [
        .unknownAttribute("count_include_pad")
      ])
    #expect(refusal("MaxPool", 8, [kernel, .int("ceil_mode", 1)]) == [.unknownAttribute("ceil_mode")])
    #expect(refusal("MaxPool", 12) == [.missingAttribute("kernel_shape")])
  }

  // MARK: - Normalization

  @Test func batchNormalization() throws {
    let x = [ValueSpec("x", ["N", 3, 8, 8])]
    let parameters = ["s", "b", "m", "v"].map { TensorSpec.floats([3], [1, 1, 1], named: $0) }
    let operands = ["x", "s", "b", "m", "v"]
    let op = BatchNormalization(epsilon: Real(Double(Float(1e-5))))
    try expect(
      "BatchNormalization", 1,
      [.ints("consumed_inputs", [0, 0, 0, 1, 1]), .int("is_test", 1), .int("spatial", 1)], x,
      constants: parameters, operands: operands, is: op)
    try expect(
      "BatchNormalization", 7, [.float("momentum", 0.9)], x, constants: parameters, operands: operands, is: op
    )
    try expect(
      "BatchNormalization", 15, [.int("training_mode", 0)], x, constants: parameters, operands: operands,
      is: op)
    #expect(
      refusal("BatchNormalization", 7, [.int("spatial", 0)], x, operands: operands, constants: parameters)
        == [.attribute(name: "spatial", expected: "1", found: "0")])
    let training = NodeSpec(
      "BatchNormalization", operands, ["y", "mean", "var"],
      [.int("training_mode", 1), .float("momentum", 0.75)])
    let (graph, last) = try imported(training, opset: 15, x, constants: parameters)
    #expect(AnyOperator(last.op) == AnyOperator(Binary(.add)))
    #expect(graph.outputs.allSatisfy { graph.producer(of: $0.value) != nil })
    #expect(graph.producer(of: graph.outputs[0].value).map { AnyOperator($0.op) } == AnyOperator(op))
    #expect(
      refusal(
        "BatchNormalization", 7, [], x, operands: operands, outputs: ["y", "mean"], constants: parameters)
        == [.form("result 'mean' exists in training only")])
  }

  @Test func indexing() throws {
    let x = [ValueSpec("x", ["N", 3])]
    let three = [ValueSpec("x", ["N", 3]), ValueSpec("i", [1, 3], type: 7), ValueSpec("u", [1, 3])]
    try expect("Scatter", 9, [.int("axis", 1)], three, is: ScatterElements(axis: 1))
    try expect(
      "ScatterElements", 18, [.string("reduction", "max")], three, is: ScatterElements(reduction: .max))
    #expect(
      refusal("ScatterElements", 16, [.string("reduction", "max")], three)
        == [.attribute(name: "reduction", expected: "none or add or mul", found: "max")])
    #expect(
      refusal("ScatterElements", 13, [.string("reduction", "add")], three) == [.unknownAttribute("reduction")]
    )
    try expect("TopK", 1, [.int("k", 2)], x, outputs: ["v", "i"], is: TopK())
    #expect(refusal("TopK", 1, [.int("k", -1)], x, outputs: ["v", "i"]).count == 1)
    try expect("Hardmax", 11, is: Hardmax(axis: 1, flattens: true))
    try expect("Hardmax", 13, is: Hardmax(axis: -1))
    try expect(
      "CastLike", 15, [], [ValueSpec("x", ["N"]), ValueSpec("t", [1], type: 7)], is: Cast(to: .int64))
  }

  @Test func sampling() throws {
    let grid = [ValueSpec("x", [1, 1, 4, 4]), ValueSpec("g", [1, 2, 2, 2])]
    try expect("GridSample", 16, [.string("mode", "bicubic")], grid, is: GridSample(mode: .cubic))
    try expect("GridSample", 20, [.string("mode", "cubic")], grid, is: GridSample(mode: .cubic))
    #expect(refusal("GridSample", 20, [.string("mode", "bicubic")], grid).count == 1)
    let regions = [ValueSpec("x", [1, 1, 4, 4]), ValueSpec("r", ["R", 4]), ValueSpec("b", ["R"], type: 7)]
    try expect("RoiAlign", 10, [], regions, is: RoiAlign(halfPixel: false))
    try expect("RoiAlign", 16, [], regions, is: RoiAlign())
    try expect("GlobalLpPool", 2, is: Reduce(.l2, axes: [2, 3]))
    try expect("GlobalLpPool", 2, [.int("p", 3)], is: Binary(.pow))
    let (graph, last) = try imported(
      NodeSpec("SoftmaxCrossEntropyLoss", ["x", "c"], ["loss", "log"], [.string("reduction", "sum")]),
      opset: 13,
      [ValueSpec("x", ["N", 5]), ValueSpec("c", ["N"], type: 7)])
    #expect(graph.nodeCount == 2)
    #expect(AnyOperator(last.op) == AnyOperator(NegativeLogLikelihoodLoss(reduction: .sum)))
  }

  @Test func signalsAndRandomNumbers() throws {
    let x = [ValueSpec("x", [1, 8, 1])]
    try expect("DFT", 17, [], x, is: DFT(axis: 1))
    try expect("DFT", 20, [], x, is: DFT())
    try expect(
      "HannWindow", 17, [.int("output_datatype", 11)], [ValueSpec("n", [], type: 7)],
      is: CosineWindow(.hann, dataType: .float64))
    try expect(
      "RandomUniform", 1, [.ints("shape", [2]), .float("seed", 3)], [],
      is: RandomTensor(.uniform(low: 0, high: 1), dataType: .float32, seed: 3, sizes: [2]))
    #expect(refusal("RandomUniform", 1, [.ints("shape", [-1])], []).count == 1)
    #expect(refusal("RandomNormal", 1, [.ints("shape", [1]), .int("dtype", 7)], []).count == 1)
  }

  @Test func statisticsThatNobodyReadsAreDropped() throws {
    let node = NodeSpec("BatchNormalization", ["x", "s", "b", "m", "v"], ["y", "mean", "var", "", ""])
    let spec = ModelSpec(
      GraphSpec(
        nodes: [node], inputs: [ValueSpec("x", ["N", 3])], outputs: [ValueSpec("y", nil)],
        initializers: ["s", "b", "m", "v"].map { TensorSpec.floats([3], [1, 1, 1], named: $0) }), opset: 7)
    let graph = try Importer.model(contents: spec.bytes, named: "statistics").graph
    #expect(graph.liveNodes[0].outputs.count == 1)
    #expect(graph.inputs.map(\.name) == ["x"])
  }

  @Test func otherNormalizations() throws {
    let x = [ValueSpec("x", ["N", 3, 8])]
    let scale = TensorSpec.floats([8], [Float](repeating: 1, count: 8), named: "s")
    try expect(
      "LayerNormalization", 17, [.float("epsilon", 0.5)], x, constants: [scale], operands: ["x", "s"],
      is: LayerNormalization(axis: -1, epsilon: 0.5))
    try expect(
      "LRN", 1, [.int("size", 5), .float("alpha", 0.5), .float("beta", 0.5), .float("bias", 2)],
      is: LRN(size: 5, alpha: 0.5, beta: 0.5, bias: 2))
    let channels = ["s", "b"].map { TensorSpec.floats([3], [1, 1, 1], named: $0) }
    try expect(
      "InstanceNormalization", 6, [.float("epsilon", 0.5)], x, constants: channels,
      operands: ["x", "s", "b"],
      is: InstanceNormalization(epsilon: 0.5))
    #expect(
      refusal(
        "LayerNormalization", 17, [.int("stash_type", 10)], x, operands: ["x", "s"], constants: [scale])
        == [.attribute(name: "stash_type", expected: "1", found: "10")])
  }

  @Test func attention() throws {
    let x = ["q", "k", "v"].map { ValueSpec($0, ["N", 4, 6]) }
    let heads: [AttributeSpec] = [.int("q_num_heads", 3), .int("kv_num_heads", 3)]
    let names = ["q", "k", "v"]
    try expect(
      "Attention", 23, heads + [.float("softcap", 2), .int("is_causal", 1), .int("softmax_precision", 11)], x,
      operands: names,
      is: Attention(queryHeads: 3, keyHeads: 3, softcap: 2, isCausal: true, softmaxPrecision: .float64))
    try expect(
      "Attention", 25,
      heads + [.float("scale", 0.5), .int("left_window_size", 2), .int("right_window_size", -1)], x,
      operands: names, is: Attention(queryHeads: 3, keyHeads: 3, scale: 0.5, leftWindow: 2))
    #expect(
      refusal("Attention", 23, heads + [.int("left_window_size", 2)], x, operands: names)
        == [.unknownAttribute("left_window_size")])
    #expect(
      refusal("Attention", 23, heads + [.int("qk_matmul_output_mode", 4)], x, operands: names)
        == [.attribute(name: "qk_matmul_output_mode", expected: "0, 1, 2 or 3", found: "4")])
  }

  @Test func transformers() throws {
    let x = [ValueSpec("x", ["N", 4, 6]), ValueSpec("s", [4]), ValueSpec("b", [4])]
    try expect(
      "GroupNormalization", 21, [.int("num_groups", 2)], x, operands: ["x", "s", "b"],
      is: GroupNormalization(groups: 2, epsilon: Real(Double(Float(1e-5)))))
    let q = ["q", "k", "v"].map { ValueSpec($0, ["N", 4, 6]) }
    try expect(
      "LinearAttention", 27,
      [.int("q_num_heads", 3), .int("kv_num_heads", 3), .string("update_rule", "linear")], q,
      operands: ["q", "k", "v"], is: LinearAttention(queryHeads: 3, keyHeads: 3, rule: .linear))
    try expect(
      "RMSNormalization", 23, [.int("axis", 2), .float("epsilon", 0.5)],
      [ValueSpec("x", ["N", 4, 6]), ValueSpec("s", [6])], operands: ["x", "s"],
      is: RMSNormalization(axis: 2, epsilon: 0.5))
    try expect(
      "TensorScatter", 24, [.string("mode", "circular")],
      [ValueSpec("x", ["N", 4, 6]), ValueSpec("u", ["N", 2, 6])], operands: ["x", "u"],
      is: TensorScatter(circular: true))
  }

  // MARK: - Softmax and reductions

  @Test func softmaxChangedItsMeaning() throws {
    try expect("Softmax", 11, is: Softmax(axis: 1, flattens: true))
    try expect("Softmax", 13, is: Softmax(axis: -1))
    try expect("Softmax", 1, [.int("axis", 2)], is: Softmax(axis: 2, flattens: true))
    try expect("LogSoftmax", 12, is: LogSoftmax(axis: 1, flattens: true))
    try expect("LogSoftmax", 13, [.int("axis", 1)], is: LogSoftmax(axis: 1))
  }

  @Test func reductions() throws {
    let axes = TensorSpec.int64s([2], [2, 3], named: "axes")
    let x = [ValueSpec("x", ["N", 3, 8, 8])]
    try expect(
      "ReduceMean", 13, [.ints("axes", [2, 3]), .int("keepdims", 0)],
      is: Reduce(.mean, axes: [2, 3], keepDims: false))
    try expect(
      "ReduceMean", 18, [], x, constants: [axes], operands: ["x", "axes"], is: Reduce(.mean, axes: nil))
    try expect("ReduceSum", 11, [.ints("axes", [1])], is: Reduce(.sum, axes: [1]))
    try expect(
      "ReduceSum", 13, [.int("noop_with_empty_axes", 1)], x,
      is: Reduce(.sum, axes: nil, noopWithEmptyAxes: true))
    try expect("ReduceLogSumExp", 1, is: Reduce(.logSumExp, axes: nil))
    #expect(refusal("ReduceSum", 13, [.ints("axes", [1])]) == [.unknownAttribute("axes")])
    try expect(
      "ArgMax", 1, [.int("axis", 1), .int("keepdims", 0)], is: ArgReduce(.max, axis: 1, keepDims: false))
    try expect("ArgMin", 12, [.int("select_last_index", 1)], is: ArgReduce(.min, axis: 0, selectLast: true))
  }

  // MARK: - Shapes

  @Test func reshaping() throws {
    let x = [ValueSpec("x", [2, 3, 4])]
    let shape = TensorSpec.int64s([2], [2, -1], named: "shape")
    try expect("Reshape", 1, [.ints("shape", [2, -1])], x, is: Reshape(target: [2, -1]))
    try expect("Reshape", 5, [], x, constants: [shape], operands: ["x", "shape"], is: Reshape())
    try expect(
      "Reshape", 14, [.int("allowzero", 1)], x, constants: [shape], operands: ["x", "shape"],
      is: Reshape(allowZero: true))
    try expect("Flatten", 9, x, is: Flatten(axis: 1))
    let one = TensorSpec.int64s([1], [0], named: "axes")
    try expect("Unsqueeze", 11, [.ints("axes", [0])], x, is: Unsqueeze(axes: [0]))
    try expect("Unsqueeze", 13, [], x, constants: [one], operands: ["x", "axes"], is: Unsqueeze())
    let thin = [ValueSpec("x", [1, 3])]
    try expect("Squeeze", 1, [.ints("axes", [0])], thin, is: Squeeze(axes: [0]))
    try expect("Squeeze", 13, [], thin, constants: [one], operands: ["x", "axes"], is: Squeeze())
    try expect("Squeeze", 13, thin, is: Squeeze())
    try expect("Transpose", 1, [.ints("perm", [2, 0, 1])], x, is: Transpose(permutation: [2, 0, 1]))
    try expect("Expand", 8, [], thin, constants: [shape2], operands: ["x", "shape"], is: Expand())
    try expect(
      "Tile", 1, [], x,
      constants: [.int64s([], [2], named: "tiles"), .int64s([], [1], named: "axis")],
      operands: ["x", "tiles", "axis"],
      is: Tile(repeats: [1, 2, 1]))
    try expect(
      "Tile", 6, [], x, constants: [.int64s([3], [1, 2, 1], named: "r")], operands: ["x", "r"], is: Tile())
    let deep = [ValueSpec("x", [1, 8, 2, 2])]
    try expect("DepthToSpace", 1, [.int("blocksize", 2)], deep, is: DepthToSpace(blockSize: 2))
    try expect(
      "DepthToSpace", 11, [.int("blocksize", 2), .string("mode", "CRD")], deep,
      is: DepthToSpace(blockSize: 2, mode: .crd))
    try expect("SpaceToDepth", 1, [.int("blocksize", 2)], deep, is: SpaceToDepth(blockSize: 2))
    #expect(refusal("DepthToSpace", 1, [.int("blocksize", 0)], deep).count == 1)
  }

  private let shape2 = TensorSpec.int64s([2], [4, 3], named: "shape")

  @Test func selecting() throws {
    let x = [ValueSpec("x", [4, 6])]
    try expect("Concat", 1, pair, is: Concat(axis: 1))
    try expect("Concat", 4, [.int("axis", 0)], pair, is: Concat(axis: 0))
    #expect(refusal("Concat", 4, [], pair) == [.missingAttribute("axis")])
    try expect(
      "Split", 2, [.ints("split", [2, 4]), .int("axis", 1)], x, outputs: ["a", "b"],
      is: Split(axis: 1, sizes: [2, 4]))
    try expect(
      "Split", 13, [.int("axis", 1)], x, constants: [.int64s([2], [2, 4], named: "s")], outputs: ["a", "b"],
      operands: ["x", "s"], is: Split(axis: 1))
    try expect(
      "Split", 18, [.int("axis", 1), .int("num_outputs", 2)], x, outputs: ["a", "b"], is: Split(axis: 1))
    try expect(
      "Slice", 1, [.ints("starts", [1]), .ints("ends", [3]), .ints("axes", [0])], x,
      is: Slice(starts: [1], ends: [3], axes: [0]))
    let bounds = [TensorSpec.int64s([1], [0], named: "s"), .int64s([1], [2], named: "e")]
    try expect("Slice", 10, [], x, constants: bounds, operands: ["x", "s", "e"], is: Slice())
    try expect(
      "Gather", 11, [.int("axis", 1)], x, constants: [.int64s([1], [0], named: "i")], operands: ["x", "i"],
      is: Gather(axis: 1))
    try expect(
      "Pad", 1, [.ints("paddings", [0, 1, 0, 1]), .float("value", 2)], x,
      is: Pad(pads: [0, 1, 0, 1], value: 2))
    try expect(
      "Pad", 2, [.ints("pads", [0, 1, 0, 1]), .string("mode", "edge")], x,
      is: Pad(mode: .edge, pads: [0, 1, 0, 1], value: 0))
    let pads = TensorSpec.int64s([4], [0, 1, 0, 1], named: "pads")
    try expect("Pad", 11, [], x, constants: [pads], operands: ["x", "pads"], is: Pad())
    try expect(
      "Pad", 19, [.string("mode", "wrap")], x, constants: [pads], operands: ["x", "pads"],
      is: Pad(mode: .wrap))
    #expect(
      refusal("Pad", 18, [.string("mode", "wrap")], x, operands: ["x", "pads"], constants: [pads]).count == 1)
    #expect(refusal("Split", 18, [.int("num_outputs", 3)], x, outputs: ["a", "b"]).count == 1)
  }

  @Test func resizing() throws {
    let scales = TensorSpec.floats([4], [1, 1, 2, 2], named: "scales")
    let x = [ValueSpec("x", [1, 3, 8, 8])]
    try expect(
      "Upsample", 1, [.float("height_scale", 2), .float("width_scale", 3), .string("mode", "bilinear")], x,
      is: Resize(mode: .linear, coordinates: .asymmetric, rounding: .floor, scales: [1, 1, 2, 3]))
    try expect(
      "Upsample", 7, [.floats("scales", [1, 1, 2, 2])], x,
      is: Resize(coordinates: .asymmetric, rounding: .floor, scales: [1, 1, 2, 2]))
    for (name, opset) in [("Upsample", 9), ("Resize", 10)] as [(String, Int64)] {
      let (_, node) = try imported(
        NodeSpec(name, ["x", "scales"], ["y"]), opset: opset, x, constants: [scales])
      #expect(AnyOperator(node.op) == AnyOperator(Resize(coordinates: .asymmetric, rounding: .floor)))
      #expect(node.inputs.count == 3 && node.inputs[1] == nil)
    }
    try expect(
      "Resize", 13, [.string("coordinate_transformation_mode", "align_corners"), .string("mode", "linear")],
      x,
      constants: [scales], operands: ["x", "", "scales"],
      is: Resize(mode: .linear, coordinates: .alignCorners))
    #expect(
      refusal("Upsample", 10, [], x, operands: ["x", "scales"], constants: [scales]) == [
        .version(found: 10, known: 1...9)
      ])
    #expect(
      refusal("Resize", 13, [.int("antialias", 1)], x, operands: ["x", "", "scales"], constants: [scales])
        == [.unknownAttribute("antialias")])
  }

  @Test func generating() throws {
    try expect("Shape", 13, is: Shape())
    try expect("Shape", 15, [.int("start", 1), .int("end", -1)], is: Shape(start: 1, end: -1))
    try expect("Size", 1, is: Size())
    let shape = [ValueSpec("s", [2], type: 7)]
    try expect("ConstantOfShape", 9, [], shape, is: ConstantOfShape(dataType: .float32, fill: .real(0)))
    try expect(
      "ConstantOfShape", 9, [.tensor("value", .int64s([1], [7]))], shape,
      is: ConstantOfShape(dataType: .int64, fill: .integer(7)))
    #expect(refusal("ConstantOfShape", 9, [.tensor("value", .int64s([2], [7, 8]))], shape).count == 1)
    let numbers = ["a", "b", "c"].map { ValueSpec($0, [], type: 7) }
    try expect("Range", 11, numbers, is: Operators.Range())
  }

  @Test(arguments: [
    AttributeSpec.tensor("value", .floats([2], [1, 2])), .floats("value_floats", [1, 2]),
  ])
  func constantNodesBecomeConstants(attribute: AttributeSpec) throws {
    let spec = ModelSpec(
      GraphSpec(nodes: [NodeSpec("Constant", [], ["c"], [attribute])], outputs: [ValueSpec("c", nil)]),
      opset: 13)
    let graph = try Importer.model(contents: spec.bytes, named: "constant").graph
    #expect(graph.nodeCount == 0)
    let constant = try #require(graph[graph.outputs[0].value].constant)
    #expect(try constant.tensor().elements(of: Float.self) == [1, 2])
  }

  @Test func everyOperatorOfTheVocabularyHasARule() {
    // These are made by passes, not read from files.
    let internalNames: Set = ["ScaleShift", "Reorder", "Group"]
    let families = [
      "Unary": "Relu", "Binary": "Add", "Variadic": "Sum", "Reduce": "ReduceSum", "ArgReduce": "ArgMax",
      "Cumulative": "CumSum", "CosineWindow": "HannWindow", "RandomTensor": "RandomUniform",
      "TrainingDropout": "Dropout",
      "Recurrent": "LSTM",
    ]
    let learned = [
      "Classify": "LinearClassifier", "TransformScores": "LinearRegressor", "SupportVectors": "SVMRegressor",
    ]
    let training = ["TrainingStep": "Adam"]
    for type in Catalog.operators where !internalNames.contains(type.name) {
      let rules = ImportRules.rules(for: families[type.name] ?? type.name)
      let others = ImportRules.rules(for: learned[type.name] ?? type.name, domain: "ai.onnx.ml")
      let steps = ImportRules.rules(for: training[type.name] ?? "", domain: "ai.onnx.preview.training")
      #expect(!(rules + others + steps).isEmpty, "\(type.name)")
    }
  }
}
