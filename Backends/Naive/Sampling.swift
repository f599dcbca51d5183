import Kernels
import Operators
import Tensors

extension Tensor {
  /// Writes one number per element, each rounded to the type.
  func write(_ values: [Double]) throws(KernelFault) {
    guard let codec = ElementCodec(dataType), values.count == elementCount else { throw .notRepresentable }
    for (i, value) in values.enumerated() { codec.store(value, at: i, in: base) }
  }
}

// MARK: - Grids

extension GridSample: NaiveOperator {
  static let naiveName = "grid-sample"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let grid = try call.operand(1)
    let axes = x.rank - 2
    guard axes >= 1, grid.rank == x.rank, grid.sizes[0] == x.sizes[0], grid.sizes[x.rank - 1] == axes else {
      throw .malformed
    }
    let sizes = Array(x.sizes[2...])
    let outer = x.sizes[..<2] + grid.sizes[1..<x.rank - 1]
    let y = try call.result(0, x.dataType, Array(outer))
    if y.elementCount == 0 { return }
    let neighbours = mode == .nearest ? 1 : mode == .linear ? 2 : 4
    let taps = saturatingProduct([Int](repeating: neighbours, count: axes))
    try call.takeSteps(product: [y.elementCount, taps], beyond: x.elementCount + y.elementCount)
    try call.takeScratch(taps, bytes: 32)
    let positions = try call.reals(grid)
    let points = try grid.sizes[1..<x.rank - 1].product
    let (plane, strides) = (try sizes.product, try rowMajorStrides(sizes))
    try visit(
      x.dataType,
      Sampler(
        x: x, y: y, positions: positions, points: points, plane: plane, sizes: sizes, strides: strides,
        isWide: grid.dataType == .float64, op: self))
  }

  /// What one axis contributes to a sample: elements of the axis (−1: none) and their weights.
  typealias Taps = [(index: Int, weight: Double)]

  fileprivate func taps(_ coordinate: Double, _ size: Int, isWide: Bool) -> Taps {
    var v: Double
    if isWide {
      v = alignCorners ? (coordinate + 1) / 2 * Double(size - 1) : ((coordinate + 1) * Double(size) - 1) / 2
    } else {
      let n = Float(coordinate)
      v = Double(alignCorners ? (n + 1) / 2 * Float(size - 1) : ((n + 1) * Float(size) - 1) / 2)
    }
    if mode == .nearest { v = v.rounded(.toNearestOrEven) }
    let (low, high) = alignCorners ? (0.0, Double(size - 1)) : (-0.5, Double(size) - 0.5)
    if !(low...max(low, high) ~= v) {
      switch padding {
      case .zeros: break
      case .border: v = v.isNaN ? 0 : min(max(v, 0), Double(size - 1))
      case .reflection: v = v.isNaN ? 0 : Self.reflect(v, low, high)
      }
    }
    // Far outside is outside.
    v = v.isNaN ? -1e9 : min(max(v, -1e9), 1e9)
    if mode == .nearest { return [(element(Int(v), size, low, high), 1)] }
    let first = Int(v.rounded(.down))
    let t = v - Double(first)
    if mode == .linear {
      return [(element(first, size, low, high), 1 - t), (element(first + 1, size, low, high), t)]
    }
    return [-1, 0, 1, 2].map { (element(first + $0, size, low, high), Self.cubic(abs(t - Double($0)))) }
  }

  /// The weight of an element at a distance, by Keys' convolution with a = −0.75.
  private static func cubic(_ d: Double) -> Double {
    let a = -0.75
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  private static func reflect(_ v: Double, _ low: Double, _ high: Double) -> Double {
    let range = high - low
    if range <= 0 || v.isInfinite { return low }
    let distance = v < low ? low - v : v > high ? v - high : 0
    if distance == 0 { return v }
    let turns = (distance / range).rounded(.down)
    let rest = distance - turns * range
    let isEven = turns.truncatingRemainder(dividingBy: 2) == 0
    return (v < low) == isEven ? low + rest : high - rest
  }

  /// The element that stands for position `i` of an axis; −1: none, so zero.
  private func element(_ i: Int, _ size: Int, _ low: Double, _ high: Double) -> Int {
    if 0..<size ~= i { return i }
    if size == 0 { return -1 }
    switch padding {
    case .zeros: return -1
    case .border: return min(max(i, 0), size - 1)
    case .reflection: return min(max(Int(Self.reflect(Double(i), low, high)), 0), size - 1)
    }
  }

  private struct Sampler: NumberVisitor {
    let x, y: Tensor
    let positions: [Double]
    let points, plane: Int
    let sizes, strides: [Int]
    let isWide: Bool
    let op: GridSample

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    private func run<T: Number>(_: T.Type) {
      let (xs, ys) = (x.pointer(T.self), y.pointer(T.self))
      let channels = x.sizes[1]
      for n in 0..<x.sizes[0] {
        for point in 0..<points {
          // Offsets and weights of all elements of a sample, axis by axis.
          var taps: Taps = [(0, 1)]
          for axis in sizes.indices {
            let at = (n * points + point) * sizes.count + sizes.count - 1 - axis
            let own = op.taps(positions[at], sizes[axis], isWide: isWide)
            var next: Taps = []
            for tap in taps {
              for (index, weight) in own where index >= 0 {
                next.append((tap.index + index * strides[axis], tap.weight * weight))
              }
            }
            taps = next
          }
          for c in 0..<channels {
            let from = xs + (n * channels + c) * plane
            if op.mode == .nearest {
              ys[(n * channels + c) * points + point] = taps.first.map { from[$0.index] } ?? .zero
            } else {
              var sum = 0.0
              for (index, weight) in taps { sum += from[index].real * weight }
              ys[(n * channels + c) * points + point] = T(clamping: sum)
            }
          }
        }
      }
    }
  }
}

extension AffineGrid: NaiveOperator {
  static let naiveName = "affine-grid"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let theta = try call.operand(0)
    guard let sizes = try call.integers(1), 4...5 ~= sizes.count, sizes.allSatisfy({ $0 >= 0 }),
      theta.sizes == [sizes[0], sizes.count - 2, sizes.count - 1]
    else { throw .malformed }
    let spatial = Array(sizes[2...])
    let axes = spatial.count
    let y = try call.result(0, theta.dataType, [sizes[0]] + spatial + [axes])
    guard let codec = ElementCodec(theta.dataType), y.elementCount > 0 else { return }
    let values = try call.reals(theta)
    var next = 0
    for n in 0..<sizes[0] {
      forEachIndex(spatial) { index in
        for row in 0..<axes {
          let first = (n * axes + row) * (axes + 1)
          var sum = values[first + axes]
          for column in 0..<axes {
            // The last axis comes first.
            let (i, size) = (Double(index[axes - 1 - column]), Double(spatial[axes - 1 - column]))
            let at = alignCorners ? (size > 1 ? 2 * i / (size - 1) - 1 : -1) : (2 * i + 1) / size - 1
            sum += values[first + column] * at
          }
          codec.store(sum, at: next, in: y.base)
          next += 1
        }
      }
    }
  }
}

// MARK: - Regions

extension RoiAlign: NaiveOperator {
  static let naiveName = "roi-align"
  static let elements = Elements.floats

  /// More samples of a cell are refused: a region of the data could ask for any number.
  private static let sampleLimit = 1 << 20

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let regions = try call.operand(1)
    let images = try call.operand(2)
    guard x.rank == 4, regions.rank == 2, regions.sizes[1] == 4, images.sizes == [regions.sizes[0]],
      height >= 1, width >= 1, samplingRatio >= 0
    else { throw .malformed }
    let y = try call.result(0, x.dataType, [regions.sizes[0], x.sizes[1], height, width])
    let batch = try positions(images, in: x.sizes[0], operand: 2, call)
    let corners = try call.reals(regions)
    let values = try call.reals(x)
    var results = try call.zeros(y.elementCount)
    let plane = x.sizes[2] * x.sizes[3]
    for region in 0..<regions.sizes[0] {
      let corner = Array(corners[region * 4..<region * 4 + 4])
      let rows = try Side(self, corner[1], corner[3], cells: height, size: x.sizes[2], x.dataType)
      let columns = try Side(self, corner[0], corner[2], cells: width, size: x.sizes[3], x.dataType)
      guard rows.count * columns.count <= Self.sampleLimit else { throw .budget }
      try call.takeSteps(
        product: [x.sizes[1], height * width, rows.count * columns.count, 16],
        beyond: x.sizes[1] * height * width)
      for c in 0..<x.sizes[1] {
        let first = (batch[region] * x.sizes[1] + c) * plane
        for cell in 0..<height * width {
          var result: Double?
          for i in 0..<rows.count {
            let v = rows.sample(cell / width, i)
            for j in 0..<columns.count {
              let h = columns.sample(cell % width, j)
              var parts: [Double] = []
              for (row, p) in v {
                for (column, q) in h { parts.append(p * q * values[first + row * x.sizes[3] + column]) }
              }
              if mode == .average {
                result = parts.reduce(result ?? 0, +)
              } else {
                result = max(result ?? -.infinity, parts.max() ?? 0)
              }
            }
          }
          let count = Double(max(rows.count * columns.count, 1))
          results[(region * x.sizes[1] + c) * height * width + cell] =
            mode == .average ? (result ?? 0) / count : result ?? 0
        }
      }
    }
    try y.write(results)
  }

  /// One axis of a region: cells, and samples in each.
  private struct Side {
    let start, cell: Double
    let count, size: Int

    init(_ op: RoiAlign, _ low: Double, _ high: Double, cells: Int, size: Int, _ type: DataType)
      throws(KernelFault)
    {
      // The number of samples is rounded up, so that the precision of the type counts.
      func rounded(_ value: Double) -> Double { type == .float64 ? value : Double(Float(value)) }
      let offset = op.halfPixel ? 0.5 : 0
      start = rounded(rounded(low * op.scale.value) - offset)
      let end = rounded(rounded(high * op.scale.value) - offset)
      let length = op.halfPixel ? rounded(end - start) : max(rounded(end - start), 1)
      cell = rounded(length / Double(cells))
      guard start.isFinite, cell.isFinite else { throw .notRepresentable }
      let samples = op.samplingRatio > 0 ? Double(op.samplingRatio) : max(cell.rounded(.up), 0)
      guard samples <= Double(RoiAlign.sampleLimit) else { throw .budget }
      count = Int(samples)
      self.size = size
    }

    /// Two neighbours and their weights; none outside of the axis.
    func sample(_ index: Int, _ i: Int) -> [(Int, Double)] {
      let at = start + Double(index) * cell + (Double(i) + 0.5) * cell / Double(count)
      if !(-1...Double(size) ~= at) || size == 0 { return [] }
      let place = max(at, 0)
      let low = Int(place)
      if low >= size - 1 { return [(size - 1, 1), (size - 1, 0)] }
      return [(low, 1 - (place - Double(low))), (low + 1, place - Double(low))]
    }
  }
}

extension MaxRoiPool: NaiveOperator {
  static let naiveName = "max-roi-pool"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let regions = try call.operand(1)
    guard x.rank == 4, regions.rank == 2, regions.sizes[1] == 5, height >= 1, width >= 1 else {
      throw .malformed
    }
    let y = try call.result(0, x.dataType, [regions.sizes[0], x.sizes[1], height, width])
    let corners = try call.reals(regions)
    let values = try call.reals(x)
    try call.takeScratch(y.elementCount)
    var results: [Double] = []
    results.reserveCapacity(y.elementCount)
    for region in 0..<regions.sizes[0] {
      let row = corners[region * 5..<region * 5 + 5]
      // Not a number is no image, too.
      guard 0..<Double(x.sizes[0]) ~= corners[region * 5] else { throw .indexOutOfRange(operand: 1) }
      let image = Int(corners[region * 5])
      guard row.dropFirst().allSatisfy({ abs($0 * scale.value) < 0x1p31 }) else { throw .notRepresentable }
      let at = row.dropFirst().map { Int(($0 * scale.value).rounded()) }
      // Corners belong to the region; one that is turned around has a single element.
      let tall = max(at[3] - at[1] + 1, 1)
      let wide = max(at[2] - at[0] + 1, 1)
      func cells(_ start: Int, _ length: Int, _ count: Int, _ size: Int) -> [Swift.Range<Int>] {
        (0..<count).map { i in
          let low = Int((Double(i) * Double(length) / Double(count)).rounded(.down)) + start
          let high = Int((Double(i + 1) * Double(length) / Double(count)).rounded(.up)) + start
          let first = min(max(low, 0), size)
          return first..<max(first, min(max(high, 0), size))
        }
      }
      let (rows, columns) = (cells(at[1], tall, height, x.sizes[2]), cells(at[0], wide, width, x.sizes[3]))
      let area = rows.reduce(0) { $0 + $1.count } * columns.reduce(0) { $0 + $1.count }
      try call.takeSteps(
        product: [x.sizes[1], area], beyond: x.sizes[1] * height * width)
      for c in 0..<x.sizes[1] {
        let first = (image * x.sizes[1] + c) * x.sizes[2] * x.sizes[3]
        for r in rows {
          for s in columns {
            var highest: Double?
            for i in r {
              for j in s { highest = max(highest ?? -.infinity, values[first + i * x.sizes[3] + j]) }
            }
            results.append(highest ?? 0)
          }
        }
      }
    }
    try y.write(results)
  }
}

// MARK: - Deformed windows

extension DeformConv: NaiveOperator {
  static let naiveName = "deform-convolution"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let weights = try call.operand(1)
    let offsets = try call.operand(2)
    let bias = try call.optional(3)
    let mask = try call.optional(4)
    guard x.rank >= 3, weights.rank == x.rank, groups >= 1, offsetGroups >= 1 else { throw .malformed }
    let geometry = try WindowGeometry(
      window, input: Array(x.sizes[2...]), kernel: Array(weights.sizes[2...]))
    let (axes, channels, outputs) = (geometry.rank, x.sizes[1], weights.sizes[0])
    // Sizes of the window itself are those of the weights, and their product fits; those of the result may not.
    let taps = try geometry.kernel.product
    let maskSize = try multiplied(offsetGroups, taps)
    let offsetSize = try multiplied(maskSize, axes)
    guard offsetGroups <= max(channels, 1), channels % groups == 0, outputs % groups == 0,
      channels % offsetGroups == 0,
      weights.sizes[1] == channels / groups,
      offsets.sizes == [x.sizes[0], offsetSize] + geometry.output,
      mask.map({ $0.sizes == [x.sizes[0], maskSize] + geometry.output }) ?? true,
      bias.map({ $0.sizes == [outputs] }) ?? true
    else { throw .malformed }
    let y = try call.result(0, x.dataType, [x.sizes[0], outputs] + geometry.output)
    let points = try geometry.output.product
    let (xs, ws, ds) = (try call.reals(x), try call.reals(weights), try call.reals(offsets))
    let bs = try bias.map { (bias) throws(KernelFault) in try call.reals(bias) }
    let ms = try mask.map { (mask) throws(KernelFault) in try call.reals(mask) }
    try call.takeProducts([x.sizes[0], points, taps, channels])
    try call.takeProducts([x.sizes[0], points, taps, outputs, channels / groups])
    // Positions in the kernel along each axis, tap by tap.
    try call.takeScratch(try multiplied(taps, try added(axes, channels)))
    var shifts: [Int] = []
    shifts.reserveCapacity(taps * axes)
    forEachIndex(geometry.kernel) { k in
      for axis in k.indices { shifts.append(k[axis] * geometry.dilations[axis] - geometry.padsBegin[axis]) }
    }
    let (plane, strides) = (try geometry.input.product, try rowMajorStrides(geometry.input))
    let perOffset = channels / offsetGroups
    let (perGroup, perOutput) = (channels / groups, outputs / max(groups, 1))
    var results = try call.zeros(y.elementCount)
    var columns = [Double](repeating: 0, count: channels * taps)
    for n in 0..<x.sizes[0] {
      var point = 0
      forEachIndex(geometry.output) { position in
        for group in 0..<offsetGroups {
          for tap in 0..<taps {
            let first = (n * offsetGroups + group) * taps + tap
            let at = (0..<axes).map { axis -> Double in
              Double(position[axis] * geometry.strides[axis] + shifts[tap * axes + axis])
                + ds[(first * axes + axis) * points + point]
            }
            let neighbours = Self.neighbours(at, geometry.input, strides)
            let factor = ms?[first * points + point] ?? 1
            for c in group * perOffset..<(group + 1) * perOffset {
              var sum = 0.0
              for (offset, weight) in neighbours { sum += weight * xs[(n * channels + c) * plane + offset] }
              columns[c * taps + tap] = sum * factor
            }
          }
        }
        for o in 0..<outputs {
          let own = o / perOutput * perGroup * taps
          var sum = bs?[o] ?? 0
          for i in 0..<perGroup * taps { sum += ws[o * perGroup * taps + i] * columns[own + i] }
          results[(n * outputs + o) * points + point] = sum
        }
        point += 1
      }
    }
    try y.write(results)
  }

  /// The elements around a position with the weights of linear interpolation; those outside are left out.
  private static func neighbours(_ position: [Double], _ sizes: [Int], _ strides: [Int]) -> [(Int, Double)] {
    var found: [(Int, Double)] = [(0, 1)]
    for (axis, at) in position.enumerated() {
      // Not a number is outside, too.
      guard at > -1, at < Double(sizes[axis]) else { return [] }
      let low = Int(at.rounded(.down))
      let t = at - Double(low)
      var next: [(Int, Double)] = []
      for (offset, weight) in found {
        if low >= 0 { next.append((offset + low * strides[axis], weight * (1 - t))) }
        if low + 1 < sizes[axis] { next.append((offset + (low + 1) * strides[axis], weight * t)) }
      }
      found = next
    }
    return found
  }
}
