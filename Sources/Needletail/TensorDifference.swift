import Tensors

/// How far two results may lie apart: |a − e| ≤ absolute + relative · |e| + scaled · max |e|. Of bfloat16 and
/// float16, two units of the last place are always allowed: recorded results were rounded after every step.
package struct Tolerance: Hashable, Sendable {
  package var relative: Double
  package var absolute: Double
  /// A floor that grows with the largest expected element: sums of large terms leave absolute errors in small
  /// results, whatever those results are.
  package var scaled: Double
  /// For the end of a quantized network; nil: elements are compared as other numbers are.
  package var steps: Steps?

  package init(relative: Double = 1e-3, absolute: Double = 1e-7, scaled: Double = 0, steps: Steps? = nil) {
    self.steps = steps
    self.relative = relative
    self.absolute = absolute
    self.scaled = scaled
  }
}

/// What comparing a tensor with the expected one shows.
package struct TensorDifference: Sendable {
  /// Shape and type agree, so that elements could be compared.
  package var isComparable = true
  /// Why not, or the first element beyond the tolerance.
  package var reason: String?
  package var worstAbsolute = 0.0
  /// The largest expected magnitude.
  package var scale = 0.0
  package var elementCount = 0
  package var beyondCount = 0

  package var isWithin: Bool { isComparable && beyondCount == 0 }
}

extension TensorDifference {
  /// Compares element by element; NaN equals NaN, and an infinity only itself.
  package init(_ actual: Tensor, expected: Tensor, _ tolerance: Tolerance = Tolerance()) throws(TensorError) {
    guard actual.dataType == expected.dataType, actual.sizes == expected.sizes else {
      isComparable = false
      reason = "expected \(expected.type), found \(actual.type)"
      return
    }
    elementCount = expected.elementCount
    if expected.dataType == .string {
      compareStrings(actual, expected)
    } else if expected.dataType.isInteger || expected.dataType == .bool {
      try compareIntegers(actual, expected, tolerance)
    } else if expected.dataType.isComplex {
      // The parts of complex numbers stand one after the other.
      let part = expected.dataType == .complex64 ? DataType.float32 : .float64
      compare(try actual.parts(part), try expected.parts(part), tolerance, isWide: part == .float64)
    } else {
      var tolerance = tolerance
      switch expected.dataType {
      case .bfloat16: tolerance.relative = max(tolerance.relative, 0x1p-6)
      case .float16: tolerance.relative = max(tolerance.relative, 0x1p-9)
      default: break
      }
      compare(try actual.doubles(), try expected.doubles(), tolerance, isWide: expected.dataType == .float64)
    }
  }

  private mutating func compareStrings(_ actual: Tensor, _ expected: Tensor) {
    for (i, (a, e)) in zip(actual.strings, expected.strings).enumerated() where a != e {
      note(i, String(decoding: a, as: UTF8.self), String(decoding: e, as: UTF8.self))
    }
  }

  private mutating func compareIntegers(_ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance)
    throws(TensorError)
  {
    let a = try actual.int64s()
    let e = try expected.int64s()
    for i in a.indices where a[i] != e[i] {
      let difference = abs(Double(a[i]) - Double(e[i]))
      worstAbsolute = max(worstAbsolute, difference)
      if difference > tolerance.absolute + tolerance.relative * abs(Double(e[i])) {
        note(i, "\(a[i])", "\(e[i])")
      }
    }
    for value in e { scale = max(scale, abs(Double(value))) }
    allow(tolerance.steps, a.map(Double.init), e.map(Double.init))
  }

  /// `isWide`: elements are told with the digits of Double.
  private mutating func compare(
    _ actual: [Double], _ expected: [Double], _ tolerance: Tolerance, isWide: Bool
  ) {
    for value in expected where value.isFinite { scale = max(scale, abs(value)) }
    let floor = tolerance.absolute + tolerance.scaled * scale
    for i in actual.indices {
      let a = actual[i]
      let e = expected[i]
      if a == e || (a.isNaN && e.isNaN) { continue }
      let difference = abs(a - e)
      if difference.isFinite {
        worstAbsolute = max(worstAbsolute, difference)
      } else {
        worstAbsolute = .infinity
      }
      // Written so that a NaN is beyond.
      if !(difference <= floor + tolerance.relative * abs(e)) || e.isInfinite {
        note(i, isWide ? "\(a)" : "\(Float(a))", isWide ? "\(e)" : "\(Float(e))")
      }
    }
    allow(tolerance.steps, actual, expected)
  }

  private mutating func allow(_ steps: Tolerance.Steps?, _ actual: [Double], _ expected: [Double]) {
    guard beyondCount > 0, let steps, steps.allow(actual, expected) else { return }
    beyondCount = 0
    reason = nil
  }

  private mutating func note(_ index: Int, _ actual: String, _ expected: String) {
    if beyondCount == 0 { reason = "element \(index): expected \(expected), found \(actual)" }
    beyondCount += 1
  }
}

extension Tensor {
  fileprivate func parts(_ type: DataType) throws(TensorError) -> [Double] {
    let dense = try reordered(to: .rowMajor(dataType))
    return try Tensor(
      dataType: type, sizes: dense.sizes + [2], storage: dense.storage, byteOffset: dense.byteOffset
    ).doubles()
  }

  /// For each row of the last axis, the position of its largest element; nil when the tensor does not look like
  /// scores of classes.
  package func topClasses() throws(TensorError) -> [Int]? {
    guard dataType.isFloatingPoint, let classes = sizes.last, classes >= 2, rank >= 1, elementCount > 0 else {
      return nil
    }
    let values = try floats()
    return (0..<values.count / classes).map { row in
      var best = row * classes
      for i in row * classes..<(row + 1) * classes where values[i] > values[best] { best = i }
      return best - row * classes
    }
  }
}
