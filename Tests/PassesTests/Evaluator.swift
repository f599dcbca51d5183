import IR
import Kernels
import NaiveKernels
import Operators
import Passes
import Tensors

/// The meaning of graphs, node by node, for comparing them before and after a pass.
enum Evaluator {
  static let context = PassContext(foldBudgetBytes: 1 << 20) { (node, operands) throws(GraphError) in
    try Evaluator.results(of: node.op, operands, wanted: node.outputs.map { $0 != nil }, name: node.name)
  }

  static func results(of op: any Operator, _ operands: [RuntimeValue?], wanted: [Bool], name: String)
    throws(GraphError) -> [RuntimeValue?]
  {
    do { return try evaluate(op, operands, wanted: wanted) } catch {
      throw GraphError(.malformed("\(error)"), node: name)
    }
  }

  static func run(_ graph: Graph, _ inputs: [RuntimeValue]) throws(GraphError) -> [RuntimeValue?] {
    var values = [RuntimeValue?](repeating: nil, count: graph.values.count)
    for (port, input) in zip(graph.inputs, inputs) { values[Int(port.value.index)] = input }
    for id in graph.valueIDs {
      if let constant = graph[id].constant { values[Int(id.index)] = .tensor(try constant.tensor()) }
    }
    for id in try graph.order() {
      let node = graph[id]
      let operands = node.inputs.map { $0.flatMap { values[Int($0.index)] } }
      var results: [RuntimeValue?]
      if node.op is If {
        guard let condition = operands[0]?.tensor else { throw GraphError(.malformed("no condition")) }
        let isTrue = try doubles(condition)[0] != 0
        results = try run(node.regions[isTrue ? 0 : 1], operands.dropFirst().compactMap { $0 })
      } else {
        results = try Self.results(
          of: node.op, operands, wanted: node.outputs.map { $0 != nil }, name: node.name)
      }
      if !node.epilogue.isEmpty, let first = results[0]?.tensor {
        results[0] = .tensor(
          try apply(
            node.epilogue, to: first, node.epilogueInputs.map { values[Int($0.index)] }, name: node.name))
      }
      for (output, result) in zip(node.outputs, results) {
        if let output { values[Int(output.index)] = result }
      }
    }
    return graph.outputs.map { values[Int($0.value.index)] }
  }

  private static func apply(_ epilogue: Epilogue, to x: Tensor, _ operands: [RuntimeValue?], name: String)
    throws(GraphError) -> Tensor
  {
    var x = x
    for step in epilogue.steps {
      let op: any Operator
      var values: [RuntimeValue?] = [.tensor(x)]
      switch step {
      case .unary(let function): op = Unary(function)
      case .clamp(let lower, let upper): op = Clip(lower: lower, upper: upper)
      case .convert(let type): op = Cast(to: type)
      case .binary(let function, let i, let swapped):
        op = Binary(function)
        values.insert(operands[i], at: swapped ? 0 : 1)
      case .quantize: throw GraphError(.malformed("no quantization here"))
      }
      guard let result = try results(of: op, values, wanted: [true], name: name)[0]?.tensor else {
        throw GraphError(.malformed("a step without a result"), node: name)
      }
      x = result
    }
    return x
  }

  static func doubles(_ tensor: Tensor) throws(GraphError) -> [Double] {
    do { return try tensor.doubles() } catch { throw GraphError(.malformed(error.description)) }
  }

  /// Small integers of each input's type; symbols become `symbolSize`.
  static func inputs(of graph: Graph, seed: UInt64, symbolSize: Int = 2) throws -> [RuntimeValue] {
    var generator = Seeded(state: seed)
    let sizes = Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, symbolSize) })
    return try graph.inputs.map { port in
      guard let type = graph[port.value].type.tensor, let shape = type.shape else {
        throw GraphError(.malformed("input \(port.name) has no rank"))
      }
      let bound = try shape.map { try $0.bound(sizes).fixed ?? symbolSize }
      let range = type.dataType == .bool ? 0...1 : type.dataType.isUnsignedInteger ? 0...4 : -4...4
      let elements = (0..<bound.reduce(1, *)).map { _ in Double(Int.random(in: range, using: &generator)) }
      return .tensor(try Tensor.fromDoubles(elements, dataType: type.dataType, sizes: bound))
    }
  }
}

/// SplitMix64: the same numbers in every process.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
