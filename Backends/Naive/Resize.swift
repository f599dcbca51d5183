import Kernels
import Operators
import Tensors

extension Resize: NaiveOperator {
  static let naiveName = "resize"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axes =
      try axes.map { (axes) throws(KernelFault) in
        try axes.map { (axis) throws(KernelFault) in try normalized(axis, rank: x.rank) }
      } ?? Array(0..<x.rank)
    let region = try self.region(in: call, axes: axes, rank: x.rank)
    let (scales, sizes) = try target(x, axes: axes, in: call)
    let y = try call.result(0, x.dataType, sizes)
    if y.elementCount == 0 { return }
    if x.elementCount == 0 { throw .malformed }
    var samples: [AxisSamples] = []
    for axis in sizes.indices {
      samples.append(
        AxisSamples(
          self, input: x.sizes[axis], output: sizes[axis], scale: scales[axis], region: region[axis]))
    }
    if mode == .nearest {
      let fill = try cast(
        try faulting { () throws(TensorError) in try Tensor(scalar: extrapolationValue.value) },
        to: x.dataType)
      let maps = samples.map { axis in axis.rows.map { $0.isOutside ? -1 : $0.first } }
      guard let bits = x.dataType.bitWidth, bits >= 8 else { throw .notRepresentable }
      take(from: x, maps: maps, fill: fill.bytes.base, into: y.base, width: bits / 8)
      withExtendedLifetime(fill) {}
      return
    }
    try interpolate(x, samples, into: y)
  }

  private func region(in call: Evaluation, axes: [Int], rank: Int) throws(KernelFault) -> [(Double, Double)] {
    var region = [(Double, Double)](repeating: (0, 1), count: rank)
    guard coordinates == .tfCropAndResize, let given = try call.optional(1), given.elementCount > 0 else {
      return region
    }
    let bounds = try given.reals()
    guard bounds.count == 2 * axes.count else { throw .malformed }
    for (i, axis) in axes.enumerated() { region[axis] = (bounds[i], bounds[axes.count + i]) }
    return region
  }

  /// Factors and sizes of the result along every axis.
  private func target(_ x: Tensor, axes: [Int], in call: Evaluation) throws(KernelFault) -> ([Double], [Int])
  {
    var factors = [Double](repeating: 1, count: x.rank)
    var result = x.sizes
    var given = scales?.map(\.value)
    if given == nil, sizes == nil, let operand = try call.optional(2), operand.elementCount > 0 {
      given = try operand.reals()
    }
    if let given, !given.isEmpty {
      guard given.count == axes.count else { throw .malformed }
      for (i, axis) in axes.enumerated() {
        let size = (Double(x.sizes[axis]) * given[i]).rounded(.down)
        guard given[i] > 0, size < 0x1p40 else { throw .malformed }
        factors[axis] = given[i]
        result[axis] = Int(size)
      }
      return (factors, result)
    }
    guard let wanted = try call.integers(sizes, orOperand: 3), wanted.count == axes.count,
      wanted.allSatisfy({ 0..<1 << 40 ~= $0 })
    else { throw .malformed }
    let ratios = axes.indices.map { Double(wanted[$0]) / Double(max(x.sizes[axes[$0]], 1)) }
    for (i, axis) in axes.enumerated() {
      switch aspectPolicy {
      case .stretch:
        factors[axis] = ratios[i]
        result[axis] = wanted[i]
      case .notLarger, .notSmaller:
        factors[axis] = (aspectPolicy == .notLarger ? ratios.min() : ratios.max()) ?? 1
        result[axis] = Int((factors[axis] * Double(x.sizes[axis]) + 0.5).rounded(.down))
      }
    }
    return (factors, result)
  }

  /// One axis after the other, in `Double`.
  private func interpolate(_ x: Tensor, _ samples: [AxisSamples], into y: Tensor) throws(KernelFault) {
    var current = try cast(x, to: .float64)
    for axis in samples.indices where !samples[axis].isIdentity {
      var sizes = current.sizes
      sizes[axis] = samples[axis].rows.count
      let next = try Tensor.allocate(.float64, sizes)
      let outer = sizes[..<axis].product
      let inner = sizes[(axis + 1)...].product
      let (from, to) = (current.pointer(Double.self), next.pointer(Double.self))
      for o in 0..<outer {
        for (r, row) in samples[axis].rows.enumerated() {
          let target = to + (o * sizes[axis] + r) * inner
          target.update(repeating: row.isOutside ? extrapolationValue.value : 0, count: inner)
          if row.isOutside { continue }
          for (k, weight) in row.weights.enumerated() where weight != 0 {
            let position = min(max(row.first + k, 0), current.sizes[axis] - 1)
            let source = from + (o * current.sizes[axis] + position) * inner
            for i in 0..<inner { target[i] += weight * source[i] }
          }
        }
      }
      current = next
    }
    // Later axes blend the value that stands for the outside, so it is written again at the end.
    if samples.contains(where: { axis in axis.rows.contains { $0.isOutside } }) {
      let target = current.pointer(Double.self)
      var position = 0
      forEachIndex(current.sizes) { index in
        if index.indices.contains(where: { samples[$0].rows[index[$0]].isOutside }) {
          target[position] = extrapolationValue.value
        }
        position += 1
      }
    }
    try cast(current, into: y)
  }
}

/// Where each position along one axis of the result samples the operand.
private struct AxisSamples {
  struct Row {
    /// The first element, before it is clamped to the axis. For the nearest mode, the element.
    var first: Int
    var weights: [Double]
    var isOutside = false
  }

  private(set) var rows: [Row] = []
  let isIdentity: Bool

  init(_ op: Resize, input: Int, output: Int, scale: Double, region: (Double, Double)) {
    isIdentity = input == output && scale == 1 && op.coordinates != .tfCropAndResize
    let width = scale * Double(input)
    for position in 0..<output {
      let x = Self.coordinate(
        op, Double(position), input: Double(input), output: Double(output), width, scale, region)
      if op.coordinates == .tfCropAndResize, x < 0 || x > Double(input - 1) {
        rows.append(Row(first: 0, weights: [], isOutside: true))
        continue
      }
      // A whole number is the right neighbour of the one before it.
      let isWhole = x == x.rounded(.down)
      let base = Int(clamp(x.rounded(.down), -0x1p40, 0x1p40)) - (isWhole ? 1 : 0)
      let ratio = isWhole ? 1 : x - x.rounded(.down)
      switch op.mode {
      case .nearest:
        let goesRight =
          switch op.rounding {
          case .roundPreferFloor: isWhole || ratio > 0.5
          case .roundPreferCeil: isWhole || ratio >= 0.5
          case .floor: isWhole
          case .ceil: true
          }
        rows.append(Row(first: min(max(base + (goesRight ? 1 : 0), 0), input - 1), weights: []))
      case .linear, .cubic:
        var (start, weights) = Self.weights(op, ratio, scale)
        if op.excludeOutside {
          for k in weights.indices where !(0..<input ~= base + start + k) { weights[k] = 0 }
        }
        let sum = weights.reduce(0, +)
        if op.excludeOutside || op.antialias, sum != 0 { weights = weights.map { $0 / sum } }
        rows.append(Row(first: base + start, weights: weights))
      }
    }
  }

  /// The coordinate in the operand of a position in the result.
  private static func coordinate(
    _ op: Resize, _ x: Double, input: Double, output: Double, _ width: Double, _ scale: Double,
    _ region: (Double, Double)
  ) -> Double {
    switch op.coordinates {
    case .halfPixel: (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric: input / 2 * (1 - output / width) + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: output > 1 ? (x + 0.5) / scale - 0.5 : -0.5
    case .alignCorners: width == 1 ? 0 : x * (input - 1) / (width - 1)
    case .asymmetric: x / scale
    case .tfHalfPixelForNN: (x + 0.5) / scale
    case .tfCropAndResize:
      region.0 * (input - 1)
        + (output > 1
          ? x * (region.1 - region.0) * (input - 1) / (output - 1) : (region.1 - region.0) * (input - 1) / 2)
    }
  }

  /// The weights of neighbours from `start` on, relative to the one on the left; `ratio` is the distance from it.
  private static func weights(_ op: Resize, _ ratio: Double, _ scale: Double) -> (start: Int, [Double]) {
    let reach = op.mode == .linear ? 1 : 2
    let shrink = op.antialias ? max(min(scale, 1), 0x1p-20) : 1
    let start = op.antialias ? Int((-Double(reach) / shrink).rounded(.down)) + 1 : 1 - reach
    let kernel = op.mode == .linear ? triangle : cubic(op.cubicCoefficient.value)
    return (start, (start...1 - start).map { kernel((Double($0) - ratio) * shrink) })
  }

  private static func triangle(_ x: Double) -> Double { max(1 - x.magnitude, 0) }

  /// The cubic convolution kernel of R. Keys (1981), with its free parameter.
  private static func cubic(_ a: Double) -> (Double) -> Double {
    { x in
      let x = x.magnitude
      if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
  }
}
