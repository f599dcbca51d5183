import Tensors

/// An ordered program applied to a node's single result before it is stored.
///
/// Its operands are `Node.epilogueInputs`, never the operator's. They broadcast to the result by the NumPy
/// rule and never enlarge it: the bias of a convolution is `[C,1,1]`.
package struct Epilogue: Hashable, Codable, Sendable {
  package enum Step: Hashable, Codable, Sendable {
    case unary(UnaryFunction)
    /// min(max(x, lower), upper), also when lower > upper.
    case clamp(lower: Real, upper: Real)
    /// f(x, operand), or f(operand, x) when swapped.
    case binary(BinaryFunction, Int, swapped: Bool)
    /// These two change the type: last step only.
    case quantize(scale: Int, zeroPoint: Int?, axis: Int?, DataType)
    case convert(DataType)
  }

  package var steps: [Step]

  package init(_ steps: [Step] = []) { self.steps = steps }

  package var isEmpty: Bool { steps.isEmpty }

  /// The number of operands that the steps refer to.
  package var operandCount: Int {
    steps.flatMap(\.operands).map { $0 == .max ? $0 : $0 + 1 }.max() ?? 0
  }

  /// The first `count` steps, and the operands they use.
  package func prefix(_ count: Int) -> Epilogue { Epilogue(Array(steps.prefix(count))) }

  /// This program followed by `other`, whose operands come after `operandCount` of this.
  package func followed(by other: Epilogue, operandsBefore: Int) -> Epilogue {
    Epilogue(steps + other.steps.map { $0.shiftingOperands(by: operandsBefore) })
  }

  package func resultType(_ type: TensorType, _ operands: [Operand]) throws(GraphError) -> TensorType {
    var type = type
    if operandCount > operands.count {
      throw GraphError(.arity(expected: operandCount...operandCount, found: operands.count))
    }
    for (position, step) in steps.enumerated() {
      if step.operands.contains(where: { $0 < 0 }) {
        throw GraphError(.attribute("epilogue", expected: "operands from 0", found: step.text))
      }
      switch step {
      case .unary(let function):
        if function.isPredicate { type.dataType = .bool }
      case .clamp: break
      case .binary(let function, let index, _):
        if let shape = type.shape, let operand = operands[index].shape {
          try Self.checkBroadcast(operand, into: shape, operand: index)
        }
        if function.isComparison { type.dataType = .bool }
      case .quantize(_, _, _, let target), .convert(let target):
        if position != steps.count - 1 {
          throw GraphError(
            .attribute("epilogue", expected: "a change of type as the last step", found: "step \(position)"))
        }
        type.dataType = target
      }
    }
    return type
  }

  private static func checkBroadcast(_ operand: [Dimension], into shape: [Dimension], operand index: Int)
    throws(GraphError)
  {
    if operand.count > shape.count {
      throw GraphError(.rank(operand: index, expected: shape.count, found: operand.count))
    }
    for (back, dimension) in operand.reversed().enumerated() {
      let target = shape[shape.count - 1 - back]
      if let n = dimension.fixed, n != 1, let m = target.fixed, n != m {
        throw GraphError(
          .dimension(operand: index, axis: operand.count - 1 - back, expected: target, found: dimension))
      }
    }
  }
}

extension Epilogue.Step {
  /// The operands that the step refers to.
  fileprivate var operands: [Int] {
    switch self {
    case .binary(_, let i, _): [i]
    case .quantize(let scale, let zero, _, _): [scale] + (zero.map { [$0] } ?? [])
    case .unary, .clamp, .convert: []
    }
  }

  package func shiftingOperands(by offset: Int) -> Epilogue.Step {
    switch self {
    case .binary(let function, let i, let swapped): .binary(function, i + offset, swapped: swapped)
    case .quantize(let scale, let zero, let axis, let type):
      .quantize(scale: scale + offset, zeroPoint: zero.map { $0 + offset }, axis: axis, type)
    case .unary, .clamp, .convert: self
    }
  }
}

extension Epilogue: CustomStringConvertible {
  /// `{add #0, relu}`; empty for no steps.
  package var description: String {
    steps.isEmpty ? "" : "{" + steps.map(\.text).joined(separator: ", ") + "}"
  }
}

extension Epilogue.Step {
  package var text: String {
    switch self {
    case .unary(let function): function.text
    case .clamp(let lower, let upper): "clamp \(lower.text) \(upper.text)"
    case .binary(let function, let i, let swapped): "\(function.rawValue)\(swapped ? " swapped" : "") #\(i)"
    case .quantize(let scale, let zero, let axis, let type):
      "quantize #\(scale) \(zero.map { "#\($0)" } ?? "-") \(axis.map { "\($0)" } ?? "-") \(type.rawValue)"
    case .convert(let type): "convert \(type.rawValue)"
    }
  }
}
