import IR
import Kernels
import Operators
import Tensors

/// An operator whose meaning is written here.
protocol NaiveOperator: Operator {
  /// The second word of the names of its kernels.
  static var naiveName: String { get }
  /// The types of its first tensor operand.
  static var elements: Elements { get }
  /// Whether tensors of strings are taken beside `elements`.
  static var takesStrings: Bool { get }
  /// Computes the wanted results from the operands.
  func evaluate(_ call: inout Evaluation) throws(KernelFault)
}

/// Types that an operator takes, and how the narrow ones are computed.
enum Elements {
  case floats
  case numbers
  /// Elements are only moved, or need a rule of their own.
  case any

  func contains(_ dataType: DataType) -> Bool {
    switch self {
    case .floats: dataType.isFloatingPoint
    case .numbers: dataType.isFloatingPoint || dataType.isPlainNumber || dataType == .bool
    case .any: true
    }
  }
}

extension NaiveOperator {
  static var elements: Elements { .numbers }
  static var takesStrings: Bool { false }

  /// The wanted results, in `destinations` where those are given.
  ///
  /// Operands of narrow floating-point types are widened to float32. Results that follow the type of the first operand
  /// are then rounded to it.
  func results(
    _ operands: [RuntimeValue?], wanted: [Bool], destinations: [Tensor?] = [], byteLimit: Int
  ) throws(KernelFault) -> [RuntimeValue?] {
    // Kernels take addresses of these: they are held until the results are there.
    let operands = try operands.map { (operand) throws(KernelFault) -> RuntimeValue? in
      if case .tensor(let tensor)? = operand { return .tensor(try tensor.plain()) }
      return operand
    }
    defer { withExtendedLifetime(operands) {} }
    let first = operands.first.flatMap { $0?.tensor?.dataType }
    if let first, !Self.elements.contains(first), !(first == .string && Self.takesStrings) {
      throw .notRepresentable
    }
    if let results = try resultsWithoutElements(operands, wanted: wanted, destinations: destinations) {
      return results
    }
    let isWidened = Self.elements != .any && operands.contains { $0?.tensor?.dataType.isNarrowFloat ?? false }
    guard isWidened else {
      return try evaluated(operands, wanted: wanted, destinations: destinations, byteLimit: byteLimit)
    }
    var wide: [RuntimeValue?] = []
    for operand in operands {
      if let tensor = operand?.tensor, tensor.dataType.isNarrowFloat {
        wide.append(.tensor(try cast(tensor, to: .float32)))
      } else {
        wide.append(operand)
      }
    }
    defer { withExtendedLifetime(wide) {} }
    let results = try evaluated(wide, wanted: wanted, destinations: [], byteLimit: byteLimit)
    guard let first, first.isNarrowFloat else { return results }
    return try results.enumerated().map { (i, result) throws(KernelFault) in
      guard let tensor = result?.tensor, tensor.dataType == .float32, Self.followsFirstOperand(i) else {
        return result
      }
      return .tensor(try cast(tensor, to: first))
    }
  }

  private func evaluated(
    _ operands: [RuntimeValue?], wanted: [Bool], destinations: [Tensor?], byteLimit: Int
  ) throws(KernelFault) -> [RuntimeValue?] {
    var call = Evaluation(
      operands, wanted: wanted, destinations: destinations, byteLimit: byteLimit, endsWhenEmpty: true)
    do throws(KernelFault) { try evaluate(&call) } catch {
      if error != .nothingToCompute { throw error }
    }
    return call.results
  }

  /// The statistics of a normalization are float32 whatever the operand is.
  private static func followsFirstOperand(_ result: Int) -> Bool {
    result == 0 || Self.self != LayerNormalization.self
  }
}

/// The wanted results of an operator, for constants and as the meaning that other kernels are compared with.
///
/// Control flow is not an operator here: whoever holds the regions runs them.
package func evaluate(
  _ op: any Operator, _ operands: [RuntimeValue?], wanted: [Bool], byteLimit: Int = 1 << 32
) throws(KernelFault) -> [RuntimeValue?] {
  guard let op = op as? any NaiveOperator else { throw .notRepresentable }
  let results = try op.results(operands, wanted: wanted, byteLimit: byteLimit)
  return wanted.indices.map { wanted[$0] && $0 < results.count ? results[$0] : nil }
}
