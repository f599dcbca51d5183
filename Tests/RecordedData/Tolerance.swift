import Tensors

/// How far a result may be from the recorded one. Integers, booleans and strings must be equal.
package enum Tolerance: Sendable {
  /// The worst difference of a tensor, as a share of its largest recorded magnitude; ten times as much for
  /// half precision, which keeps 11 bits.
  case ofScale(Double)
  /// The end of a quantized network: one element of a hundred may be two steps away, where sums lie at borders.
  case quantized
  /// Element by element: |found − expected| ≤ absolute + relative · |expected|; two units of the last place of
  /// bfloat16, as in the suite's own runner, and of float16 are always allowed, and half a unit of the last place of the
  /// largest expected element: a small result of sums of large terms was recorded with that error.
  case elementwise(relative: Double, absolute: Double)

  package func mismatch(_ found: RuntimeValue, _ expected: RuntimeValue) -> String? {
    switch (found, expected) {
    case (.tensor(let found), .tensor(let expected)): return mismatch(found, expected)
    case (.absent, .absent): return nil
    case (.map(let keys, let values), .map(let expectedKeys, let expectedValues)):
      return mismatch(keys, expectedKeys) ?? mismatch(values, expectedValues)
    case (.sequence(let found), .sequence(let expected)):
      if found.count != expected.count { return "\(found.count) elements, expected \(expected.count)" }
      for (i, (a, b)) in zip(found, expected).enumerated() {
        if let what = mismatch(a, b) { return "element \(i): \(what)" }
      }
      return nil
    default: return "another kind of value than expected"
    }
  }

  package func mismatch(_ found: Tensor, _ expected: Tensor) -> String? {
    if found.dataType != expected.dataType || found.sizes != expected.sizes {
      return
        "\(found.dataType.rawValue)\(found.sizes), expected \(expected.dataType.rawValue)\(expected.sizes)"
    }
    if found.dataType == .string {
      return found.strings == expected.strings ? nil : "\(found.strings), expected \(expected.strings)"
    }
    guard found.dataType.isFloatingPoint else {
      guard let a = try? found.int64s(), let b = try? expected.int64s() else {
        return "elements that cannot be read"
      }
      let wrong = a.indices.filter { a[$0] != b[$0] }
      if case .quantized = self, wrong.count <= max(1, a.count / 100), wrong.allSatisfy({ abs(a[$0] - b[$0]) <= 2 }) {
        return nil
      }
      guard let i = wrong.first else { return nil }
      return "element \(i) is \(a[i]), expected \(b[i])"
    }
    guard let a = try? found.doubles(), let b = try? expected.doubles() else {
      return "elements that cannot be read"
    }
    let scale = b.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    var worst: (excess: Double, index: Int)?
    for i in a.indices where a[i] != b[i] && !(a[i].isNaN && b[i].isNaN) {
      let allowed = allowance(b[i], scale, found.dataType)
      let difference = abs(a[i] - b[i])
      let excess = difference.isFinite ? difference - allowed : .infinity
      if excess > worst?.excess ?? 0 { worst = (excess, i) }
    }
    guard let worst else { return nil }
    return
      "element \(worst.index) is \(a[worst.index]), expected \(b[worst.index]); largest magnitude \(scale)"
  }

  private func allowance(_ expected: Double, _ scale: Double, _ dataType: DataType) -> Double {
    switch self {
    case .quantized: 0
    case .ofScale(let share):
      max(share * scale, 1e-9) * (dataType == .float16 || dataType == .bfloat16 ? 10 : 1)
    case .elementwise(let relative, let absolute):
      absolute + 0x1p-24 * scale + max(relative, dataType == .bfloat16 ? 0x1p-6 : dataType == .float16 ? 0x1p-9 : 0)
        * abs(expected)
    }
  }
}
