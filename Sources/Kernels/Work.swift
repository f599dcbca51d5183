import IR
import Operators
import Tensors

/// What a step cannot do without, however it is computed: the two axes of a roofline.
package struct Work: Hashable, Sendable {
  /// Floating-point operations of the plain definition: two for each multiply-add, also where the window reaches into
  /// padding, and one for each element of other arithmetic. An algorithm such as Winograd's needs fewer.
  package var operations: Double
  /// Bytes of inputs, weights and results, each touched once.
  package var bytes: Double

  package init(operations: Double = 0, bytes: Double = 0) {
    self.operations = operations
    self.bytes = bytes
  }

  package static func + (a: Work, b: Work) -> Work {
    Work(operations: a.operations + b.operations, bytes: a.bytes + b.bytes)
  }

  /// Bytes that are read in one place and written in another.
  package static func copying(_ placement: Placement) -> Work { Work(bytes: 2 * Double(placement.byteCount)) }
}

extension KernelRequest {
  /// The work of the operator; the steps of an epilogue add only the bytes of their operands.
  package var work: Work { Work(operations: operationCount, bytes: touchedByteCount) }

  private func inputSizes(_ i: Int) -> [Int] { i < inputs.count ? inputs[i]?.placement.sizes ?? [] : [] }

  private func inputCount(_ i: Int) -> Double {
    Double(i < inputs.count ? inputs[i]?.placement.elementCount ?? 0 : 0)
  }

  /// The sizes of an attention; nil for other operands than inference allows.
  package func attention(_ op: Attention) -> AttentionGeometry? {
    AttentionGeometry(
      op, query: inputSizes(0), key: inputSizes(1), value: inputSizes(2),
      pastKey: inputs.count > 4 ? inputs[4]?.placement.sizes : nil)
  }

  /// Sizes of attributes and of values that are not there yet may be of any size.
  private func product(_ sizes: some Sequence<Int>) -> Double { sizes.reduce(1) { $0 * Double($1) } }

  private var operationCount: Double {
    let output = Double(outputs.first.flatMap { $0?.elementCount } ?? 0)
    switch op.base {
    // Weights are [O, C/groups, …]: a result is the product with one row of them.
    case is Convolution: return 2 * output * product(inputSizes(1).dropFirst())
    // Weights are [C, O/groups, …]: an operand is spread over one row of them.
    case is ConvTranspose: return 2 * inputCount(0) * product(inputSizes(1).dropFirst())
    case is MatMul: return 2 * output * Double(inputSizes(0).last ?? 1)
    case let gemm as Gemm:
      return 2 * output * Double((gemm.transA ? inputSizes(0).first : inputSizes(0).last) ?? 1)
    case let op as Attention:
      guard let g = attention(op) else { return output }
      return 2 * Double(g.batch * g.queryHeads * g.queries) * Double(g.keys)
        * Double(g.headSize + g.valueSize)
    case let pool as MaxPool: return output * product(pool.window.kernel)
    case let pool as AveragePool: return output * product(pool.window.kernel)
    case is GlobalAveragePool, is GlobalMaxPool, is Reduce, is ArgReduce: return inputCount(0)
    case is Variadic: return output * Double(max(1, inputs.count - 1))
    default: return movesOnly ? 0 : output
    }
  }

  /// Elements change their place, and nothing is computed.
  private var movesOnly: Bool {
    switch op.base {
    case is Reshape, is Flatten, is Squeeze, is Unsqueeze, is Transpose, is Expand, is Tile, is DepthToSpace,
      is SpaceToDepth, is Concat, is Split, is Slice, is Pad, is Gather, is Identity, is Reorder:
      true
    default: false
    }
  }

  private var touchedByteCount: Double {
    var sum = 0.0
    for (i, slot) in inputs.enumerated() {
      sum += i == 0 ? firstInputByteCount : Double(slot?.placement.byteCount ?? 0)
    }
    for slot in epilogueInputs { sum += Double(slot.placement.byteCount) }
    for placement in outputs { sum += Double(placement?.byteCount ?? 0) }
    return sum
  }

  /// Of a table or a tensor that is cut, only what is taken is read.
  private var firstInputByteCount: Double {
    let whole = Double(inputs.first.flatMap { $0?.placement.byteCount } ?? 0)
    guard op.base is Gather || op.base is Slice, let output = outputs.first ?? nil else { return whole }
    return min(whole, Double(output.byteCount))
  }
}
