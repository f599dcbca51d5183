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
    let axisScales = sizes.indices.map { axis in
      AxisScale(
        op: self, input: x.sizes[axis], output: sizes[axis], scale: scales[axis], region: region[axis])
    }
    if mode == .nearest {
      let fill = try cast(
        try faulting { () throws(TensorError) in try Tensor(scalar: extrapolationValue.value) },
        to: x.dataType)
      guard let bits = x.dataType.bitWidth, bits >= 8 else { throw .notRepresentable }
      let maps = axisScales.map { axis in AxisMap(count: axis.output) { axis.nearest($0) } }
      try take(from: x, maps: maps, fill: fill.bytes.base, into: y.base, width: bits / 8)
      withExtendedLifetime(fill) {}
      return
    }
    var samples: [AxisSamples] = []
    for axis in axisScales { samples.append(try AxisSamples(axis, call)) }
    try interpolate(x, samples, into: y)
  }

  private func region(in call: Evaluation, axes: [Int], rank: Int) throws(KernelFault) -> [(Double, Double)] {
    var region = [(Double, Double)](repeating: (0, 1), count: rank)
    guard coordinates == .tfCropAndResize, let given = try call.optional(1), given.elementCount > 0 else {
      return region
    }
    let bounds = try call.reals(given)
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
      given = try call.reals(operand)
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
        let size = (factors[axis] * Double(x.sizes[axis]) + 0.5).rounded(.down)
        guard size < 0x1p40 else { throw .budget }
        result[axis] = Int(size)
      }
    }
    return (factors, result)
  }

  /// One axis after the other, in `Double`.
  private func interpolate(_ x: Tensor, _ samples: [AxisSamples], into y: Tensor) throws(KernelFault) {
    var current = try cast(x, to: .float64)
    for axis in samples.indices where !samples[axis].isIdentity {
      var sizes = current.sizes
      sizes[axis] = samples[axis].count
      let next = try Tensor.allocate(.float64, sizes)
      let outer = try sizes[..<axis].product
      let inner = try sizes[(axis + 1)...].product
      let (from, to) = (current.pointer(Double.self), next.pointer(Double.self))
      for o in 0..<outer {
        for row in 0..<samples[axis].count {
          let target = to + (o * sizes[axis] + row) * inner
          let isOutside = samples[axis].isOutside(row)
          target.update(repeating: isOutside ? extrapolationValue.value : 0, count: inner)
          if isOutside { continue }
          let first = samples[axis].firsts[row]
          for k in 0..<samples[axis].width {
            let weight = samples[axis].weights[row * samples[axis].width + k]
            if weight == 0 { continue }
            let position = min(max(first + k, 0), current.sizes[axis] - 1)
            let source = from + (o * current.sizes[axis] + position) * inner
            for i in 0..<inner { target[i] += weight * source[i] }
          }
        }
      }
      current = next
    }
    // Later axes blend the value that stands for the outside, so it is written again at the end.
    if samples.contains(where: { axis in (0..<axis.count).contains { axis.isOutside($0) } }) {
      let target = current.pointer(Double.self)
      var position = 0
      forEachIndex(current.sizes) { index in
        if index.indices.contains(where: { samples[$0].isOutside(index[$0]) }) {
          target[position] = extrapolationValue.value
        }
        position += 1
      }
    }
    try cast(current, into: y)
  }
}

/// How positions along one axis of the result lie on the operand.
private struct AxisScale {
  let op: Resize
  let input, output: Int
  let scale: Double
  let region: (Double, Double)

  var isIdentity: Bool { input == output && scale == 1 && op.coordinates != .tfCropAndResize }

  /// The element on the left of a position and the distance from it, above 0 and at most 1: a whole number is the right
  /// neighbour of the one before it. nil: outside, which only regions reach.
  func place(_ position: Int) -> (left: Int, distance: Double)? {
    let x = coordinate(Double(position))
    // A coordinate that is not a number is outside, too.
    if op.coordinates == .tfCropAndResize, !(0...Double(input - 1) ~= x) { return nil }
    let floor = clamp(x.isNaN ? 0 : x.rounded(.down), -0x1p40, 0x1p40)
    return x == floor ? (Int(floor) - 1, 1) : (Int(floor), x - x.rounded(.down))
  }

  /// The nearest element; −1: outside.
  func nearest(_ position: Int) -> Int {
    guard let (left, distance) = place(position) else { return -1 }
    let isWhole = distance == 1
    let goesRight =
      switch op.rounding {
      case .roundPreferFloor: isWhole || distance > 0.5
      case .roundPreferCeil: isWhole || distance >= 0.5
      case .floor: isWhole
      case .ceil: true
      }
    return min(max(left + (goesRight ? 1 : 0), 0), input - 1)
  }

  /// The coordinate in the operand of a position in the result.
  private func coordinate(_ x: Double) -> Double {
    let (input, output) = (Double(input), Double(output))
    switch op.coordinates {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      return input / 2 * (1 - output / (scale * input)) + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return output > 1 ? (x + 0.5) / scale - 0.5 : -0.5
    case .alignCorners: return scale * input == 1 ? 0 : x * (input - 1) / (scale * input - 1)
    case .asymmetric: return x / scale
    case .tfHalfPixelForNN: return (x + 0.5) / scale
    case .tfCropAndResize:
      let span = (region.1 - region.0) * (input - 1)
      return region.0 * (input - 1) + (output > 1 ? x * span / (output - 1) : span / 2)
    }
  }
}

/// The weights of the elements around each position along one axis of the result.
private struct AxisSamples {
  /// The first element of each position, before it is clamped to the axis.
  private(set) var firsts: [Int] = []
  /// `width` numbers for each position.
  private(set) var weights: [Double] = []
  let width: Int
  let isIdentity: Bool

  /// Stands for the first element of a position outside.
  private static let outside = Int.min

  var count: Int { firsts.count }
  func isOutside(_ position: Int) -> Bool { firsts[position] == Self.outside }

  init(_ axis: AxisScale, _ call: Evaluation) throws(KernelFault) {
    isIdentity = axis.isIdentity
    let op = axis.op
    let reach = op.mode == .linear ? 1 : 2
    // Antialiasing widens the kernel where the result is smaller.
    let shrink = op.antialias ? max(min(axis.scale, 1), 0x1p-20) : 1
    let start = op.antialias ? Int((-Double(reach) / shrink).rounded(.down)) + 1 : 1 - reach
    width = 2 - 2 * start
    try call.takeScratch(try multiplied(axis.output, 1 + width))
    firsts.reserveCapacity(axis.output)
    weights.reserveCapacity(axis.output * width)
    let kernel = op.mode == .linear ? Self.triangle : Self.cubic(op.cubicCoefficient.value)
    for position in 0..<axis.output {
      guard let (left, distance) = axis.place(position) else {
        firsts.append(Self.outside)
        weights.append(contentsOf: repeatElement(0, count: width))
        continue
      }
      firsts.append(left + start)
      var sum = 0.0
      for k in 0..<width {
        let isLeftOut = op.excludeOutside && !(0..<axis.input ~= left + start + k)
        let weight = isLeftOut ? 0 : kernel((Double(start + k) - distance) * shrink)
        weights.append(weight)
        sum += weight
      }
      if op.excludeOutside || op.antialias, sum != 0 {
        for k in weights.count - width..<weights.count { weights[k] /= sum }
      }
    }
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
