import IR
import Kernels
import Operators
import Tensors

extension NaiveOperator {
  /// The wanted results where all of them are tensors without elements; nil where that is not known before the operator
  /// runs.
  ///
  /// A tensor without elements may have rows without number: no operator is to count them.
  func resultsWithoutElements(
    _ operands: [RuntimeValue?], wanted: [Bool], destinations: [Tensor?]
  ) throws(KernelFault) -> [RuntimeValue?]? {
    if zip(wanted, destinations).contains(where: { $0 && $1 != nil }) {
      let given = wanted.indices.map { wanted[$0] && $0 < destinations.count ? destinations[$0] : nil }
      guard given.indices.allSatisfy({ !wanted[$0] || given[$0]?.elementCount == 0 }) else { return nil }
      return given.map { $0.map { .tensor($0) } }
    }
    // The result of a Reorder has a format, which types do not say.
    guard Self.self != Reorder.self, operands.contains(where: { $0?.tensor?.elementCount == 0 }),
      let types = try inferredTypes(operands, wanted: wanted)
    else { return nil }
    var results: [RuntimeValue?] = []
    for (i, isWanted) in wanted.enumerated() {
      guard isWanted else {
        results.append(nil)
        continue
      }
      guard i < types.count, case .tensor(let type) = types[i], let sizes = type.sizes, sizes.contains(0)
      else {
        return nil
      }
      results.append(.tensor(try Tensor.empty(type.dataType, sizes)))
    }
    return results
  }

  /// What inference says of the results, with the elements of small integer operands; nil where it refuses.
  private func inferredTypes(
    _ operands: [RuntimeValue?], wanted: [Bool]
  ) throws(KernelFault) -> [ValueType]? {
    let context = InferenceContext(
      operands: operands.map { $0.map { Operand($0.inferredType, contents: $0.contents) } }, wanted: wanted,
      fresh: { Dimension(Symbol("\($0)")) },
      region: { (_, _) throws(GraphError) in throw GraphError(.malformed("no region")) })
    do { return try inferTypes(context) } catch {
      if case .sizeOverflow = error.reason { throw .budget }
      return nil
    }
  }
}

extension RuntimeValue {
  fileprivate var inferredType: ValueType {
    switch self {
    case .tensor(let tensor): .tensor(tensor.type)
    case .sequence: .sequence(.unknown)
    case .map, .absent: .unknown
    }
  }

  /// The elements of a small vector, or scalar, of integers.
  fileprivate var contents: [Dimension]? {
    guard case .tensor(let tensor) = self, tensor.rank <= 1, tensor.dataType.isInteger,
      tensor.elementCount <= Constant.contentsLimit
    else { return nil }
    return try? tensor.int64s().map { Dimension(Int($0)) }
  }
}

extension Tensor {
  /// A tensor of sizes one of which is 0.
  fileprivate static func empty(_ dataType: DataType, _ sizes: [Int]) throws(KernelFault) -> Tensor {
    if dataType != .string { return try allocate(dataType, sizes) }
    return try faulting { () throws(TensorError) in try Tensor(strings: [], sizes: sizes) }
  }
}
