import Glibc
import Kernels
import Operators
import Tensors

/// Windows of more positions are refused: attributes alone could ask for any number.
private let windowLimit = 1 << 24

private func poolingGeometry(_ window: Window, _ x: Tensor, ceilMode: Bool) throws(KernelFault)
  -> WindowGeometry
{
  guard x.rank >= 2 else { throw .malformed }
  let geometry = try WindowGeometry(window, input: Array(x.sizes.dropFirst(2)), ceilMode: ceilMode)
  var positions = 1
  for size in geometry.kernel {
    let (product, overflow) = positions.multipliedReportingOverflow(by: size)
    if overflow || product > windowLimit { throw .budget }
    positions = product
  }
  return geometry
}

/// What the window reads of each plane of `x`, its steps taken.
private func poolingRuns(
  _ geometry: WindowGeometry, _ x: Tensor, _ y: Tensor, _ call: Evaluation
) throws(KernelFault) -> WindowRuns {
  let runs = try WindowRuns(geometry, call)
  try call.takeSteps(
    product: [x.sizes[0], x.sizes[1], runs.elementCount], beyond: x.elementCount + y.elementCount)
  return runs
}

// MARK: - Maximum

extension MaxPool: NaiveOperator {
  static let naiveName = "max-pool"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let geometry = try poolingGeometry(window, x, ceilMode: ceilMode)
    let sizes = Array(x.sizes.prefix(2)) + geometry.output
    let y = try call.result(0, x.dataType, sizes)
    let indices = call.isWanted(1) ? try call.result(1, .int64, sizes) : nil
    try visit(
      x.dataType,
      Maximum(
        x: x, y: y, indices: indices, geometry: geometry, columnMajor: columnMajorIndices,
        runs: poolingRuns(geometry, x, y, call), planes: x.sizes[0] * x.sizes[1],
        inputPlane: geometry.input.product, outputPlane: geometry.output.product))
  }

  /// NaN wins, and of equal elements the first. A window of padding alone gives the lowest value and index 0.
  private struct Maximum: NumberVisitor {
    let x, y: Tensor
    let indices: Tensor?
    let geometry: WindowGeometry
    let columnMajor: Bool
    let runs: WindowRuns
    let planes, inputPlane, outputPlane: Int

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    @inline(__always)
    private func run<T: Number>(_: T.Type) {
      let xs = x.pointer(T.self)
      let ys = y.pointer(T.self)
      let found = indices?.pointer(Int64.self)
      for i in 0..<planes * outputPlane { ys[i] = T.lowest }
      if let found { found.update(repeating: -1, count: planes * outputPlane) }
      for plane in 0..<planes {
        runs.forEach { run in
          let from = xs + plane * inputPlane + run.strided
          let to = ys + plane * outputPlane + run.dense
          if let found {
            let at = found + plane * outputPlane + run.dense
            for i in 0..<run.count {
              let value = from[i * runs.step]
              if at[i] < 0 || value > to[i] || (value.isNotANumber && !to[i].isNotANumber) {
                to[i] = value
                at[i] = Int64(plane * inputPlane + run.strided + i * runs.step)
              }
            }
          } else {
            for i in 0..<run.count {
              let value = from[i * runs.step]
              if value > to[i] || value.isNotANumber { to[i] = value }
            }
          }
        }
      }
      if let found {
        for i in 0..<planes * outputPlane {
          found[i] = max(found[i], 0)
          if columnMajor { found[i] = columnMajorIndex(Int(found[i])) }
        }
      }
    }

    /// The position within the plane with the first spatial axis fastest, after the planes before it.
    private func columnMajorIndex(_ index: Int) -> Int64 {
      let plane = max(inputPlane, 1)
      var rest = index % plane
      var position = [Int](repeating: 0, count: geometry.rank)
      for axis in (0..<geometry.rank).reversed() {
        position[axis] = rest % max(geometry.input[axis], 1)
        rest /= max(geometry.input[axis], 1)
      }
      var result = 0
      for axis in (0..<geometry.rank).reversed() { result = result * geometry.input[axis] + position[axis] }
      return Int64(index / plane * plane + result)
    }
  }
}

// MARK: - Average

extension AveragePool: NaiveOperator {
  static let naiveName = "average-pool"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let geometry = try poolingGeometry(window, x, ceilMode: ceilMode)
    let y = try call.result(0, x.dataType, Array(x.sizes.prefix(2)) + geometry.output)
    switch x.dataType {
    case .float32: try average(Float.self, x, into: y, geometry, call)
    case .float64: try average(Double.self, x, into: y, geometry, call)
    default: throw .notRepresentable
    }
  }

  /// How many elements each window holds: with padding when it counts, but never beyond the padding.
  private func elementCounts(_ geometry: WindowGeometry) -> [Double] {
    var perAxis: [[Double]] = []
    for axis in 0..<geometry.rank {
      let low = countIncludePad ? -geometry.padsBegin[axis] : 0
      let high = geometry.input[axis] + (countIncludePad ? geometry.padsEnd[axis] : 0)
      let dilation = geometry.dilations[axis]
      perAxis.append(
        (0..<geometry.output[axis]).map { o in
          let start = o * geometry.strides[axis] - geometry.padsBegin[axis]
          let first = start >= low ? 0 : (low - start + dilation - 1) / dilation
          let end = start >= high ? 0 : min((high - 1 - start) / dilation + 1, geometry.kernel[axis])
          return Double(max(end - first, 0))
        })
    }
    var counts: [Double] = []
    forEachIndex(geometry.output) { index in
      var count = 1.0
      for axis in index.indices { count *= perAxis[axis][index[axis]] }
      counts.append(count)
    }
    return counts
  }

  private func average<T: FloatNumber>(
    _: T.Type, _ x: Tensor, into y: Tensor, _ geometry: WindowGeometry, _ call: Evaluation
  ) throws(KernelFault) {
    let inputPlane = try geometry.input.product
    let outputPlane = try geometry.output.product
    let runs = try poolingRuns(geometry, x, y, call)
    try call.takeScratch(outputPlane, bytes: 24)
    let counts = elementCounts(geometry)
    let xs = x.pointer(T.self)
    let ys = y.pointer(T.self)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(outputPlane, 1)) { sums in
      guard let sum = sums.baseAddress else { return }
      for plane in 0..<x.sizes[0] * x.sizes[1] {
        sum.update(repeating: 0, count: outputPlane)
        runs.forEach { run in
          let from = xs + plane * inputPlane + run.strided
          let to = sum + run.dense
          for i in 0..<run.count { to[i] += from[i * runs.step].real }
        }
        // A window of padding alone has no elements: its average is 0, not NaN.
        for i in 0..<outputPlane { ys[plane * outputPlane + i] = T(real: sum[i] / max(counts[i], 1)) }
      }
    }
  }
}

// MARK: - Global

extension GlobalAveragePool: NaiveOperator {
  static let naiveName = "global-average-pool"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2 else { throw .malformed }
    try reduce(.mean, x, axes: Array(2..<x.rank), keepDims: true, in: &call)
  }
}

extension GlobalMaxPool: NaiveOperator {
  static let naiveName = "global-max-pool"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2 else { throw .malformed }
    try reduce(.max, x, axes: Array(2..<x.rank), keepDims: true, in: &call)
  }
}

// MARK: - Norms

extension LpPool: NaiveOperator {
  static let naiveName = "lp-pool"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let geometry = try poolingGeometry(window, x, ceilMode: ceilMode)
    let y = try call.result(0, x.dataType, Array(x.sizes.prefix(2)) + geometry.output)
    let (inputPlane, outputPlane) = (try geometry.input.product, try geometry.output.product)
    let runs = try poolingRuns(geometry, x, y, call)
    var powers = try call.reals(x)
    for i in powers.indices { powers[i] = pow(abs(powers[i]), p.value) }
    var sums = try call.zeros(y.elementCount)
    for plane in 0..<x.sizes[0] * x.sizes[1] {
      runs.forEach { run in
        for i in 0..<run.count {
          sums[plane * outputPlane + run.dense + i] +=
            powers[plane * inputPlane + run.strided + i * runs.step]
        }
      }
    }
    for i in sums.indices { sums[i] = pow(sums[i], 1 / p.value) }
    try y.write(sums)
  }
}

// MARK: - The other way

extension MaxUnpool: NaiveOperator {
  static let naiveName = "max-unpool"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    guard x.rank >= 3, window.kernel.count == x.rank - 2, indices.sizes == x.sizes, indices.dataType == .int64
    else { throw .malformed }
    let inferred: [Int]
    do { inferred = x.sizes.prefix(2) + (try unpooledSizes(Array(x.sizes[2...]))) } catch { throw .malformed }
    let sizes = try call.integers(2) ?? inferred
    guard sizes.count == x.rank, zip(sizes, inferred).allSatisfy({ $0 >= $1 }) else { throw .malformed }
    let y = try call.result(0, x.dataType, sizes)
    y.clear()
    let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: inferred) }
    // Indices count within the sizes that the window leads to, which lie in front of those that were given.
    let (from, to) = (try rowMajorStrides(inferred), try rowMajorStrides(sizes))
    func run<T: FloatNumber>(_: T.Type) throws(KernelFault) {
      for i in 0..<x.elementCount {
        let index = Int(indices.pointer(Int64.self)[i])
        guard 0..<count ~= index else { throw .indexOutOfRange(operand: 1) }
        var offset = 0
        for axis in sizes.indices { offset += index / from[axis] % inferred[axis] * to[axis] }
        y.pointer(T.self)[offset] = x.pointer(T.self)[i]
      }
    }
    switch x.dataType {
    case .float32: try run(Float.self)
    case .float64: try run(Double.self)
    default: throw .notRepresentable
    }
  }
}

extension Col2Im: NaiveOperator {
  static let naiveName = "col2im"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank == 3, let image = try call.integers(1), let block = try call.integers(2),
      block.count == image.count, image.allSatisfy({ $0 >= 0 })
    else { throw .malformed }
    let geometry: WindowGeometry
    do { geometry = try WindowGeometry(try window(kernel: block), input: image) } catch { throw .malformed }
    var taps = 1
    for size in block {
      let (product, overflow) = taps.multipliedReportingOverflow(by: size)
      if overflow || product > windowLimit { throw .budget }
      taps = product
    }
    let positions = try faulting { () throws(TensorError) in try Tensor.elementCount(of: geometry.output) }
    guard x.sizes[1] % taps == 0, x.sizes[2] == positions else { throw .malformed }
    let y = try call.result(0, x.dataType, [x.sizes[0], x.sizes[1] / taps] + image)
    y.clear()
    let plane = try geometry.input.product
    let runs = try WindowRuns(geometry, call)
    try call.takeSteps(
      product: [x.sizes[0], x.sizes[1] / taps, runs.elementCount], beyond: x.elementCount + y.elementCount)
    try call.takeScratch(plane)
    try visit(
      x.dataType, Overlaps(x: x, y: y, runs: runs, taps: taps, plane: plane, positions: positions))
  }

  private struct Overlaps: NumberVisitor {
    let x, y: Tensor
    let runs: WindowRuns
    let taps, plane, positions: Int

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    private func run<T: Number>(_: T.Type) {
      let (xs, ys) = (x.pointer(T.self), y.pointer(T.self))
      var sums = [T.Sum](repeating: T.zeroSum, count: plane)
      for image in 0..<x.sizes[0] * (x.sizes[1] / taps) {
        for i in 0..<plane { sums[i] = T.zeroSum }
        runs.forEach { run in
          let column = xs + (image * taps + run.tap) * positions + run.dense
          for i in 0..<run.count {
            let at = run.strided + i * runs.step
            sums[at] = T.add(sums[at], column[i].sum)
          }
        }
        for i in 0..<plane { ys[image * plane + i] = T(sum: sums[i]) }
      }
    }
  }
}
