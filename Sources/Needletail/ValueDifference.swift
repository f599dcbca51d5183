import Tensors

extension RuntimeValue {
  /// In a sentence, what lies further from `expected` than `tolerance` allows; nil: nothing.
  package func difference(from expected: RuntimeValue, _ tolerance: Tolerance) throws(TensorError) -> String?
  {
    switch (self, expected) {
    case (.tensor(let actual), .tensor(let expected)):
      let difference = try TensorDifference(actual, expected: expected, tolerance)
      guard !difference.isWithin, let reason = difference.reason else { return nil }
      if !difference.isComparable { return reason }
      return
        "\(reason) (\(difference.beyondCount) of \(difference.elementCount) elements beyond the tolerance)"
    case (.sequence(let actual), .sequence(let expected)):
      if actual.count != expected.count {
        return "expected a sequence of \(expected.count), found one of \(actual.count)"
      }
      for (i, pair) in zip(actual, expected).enumerated() {
        if let reason = try pair.0.difference(from: pair.1, tolerance) { return "item \(i): \(reason)" }
      }
      return nil
    case (.absent, .absent): return nil
    case (.map(let keys, let values), .map(let expectedKeys, let expectedValues)):
      if let reason = try RuntimeValue.tensor(keys).difference(from: .tensor(expectedKeys), tolerance) {
        return "keys: \(reason)"
      }
      return try RuntimeValue.tensor(values).difference(from: .tensor(expectedValues), tolerance).map {
        "values: \($0)"
      }
    default: return "expected \(expected.kindText), found \(kindText)"
    }
  }

  /// What kind of value it is, a tensor with its type.
  package var kindText: String {
    switch self {
    case .tensor(let tensor): "\(tensor.type)"
    case .sequence: "a sequence"
    case .map: "a map"
    case .absent: "nothing"
    }
  }
}
