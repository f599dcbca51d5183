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
      Maximum(x: x, y: y, indices: indices, geometry: geometry, columnMajor: columnMajorIndices))
  }

  /// NaN wins, and of equal elements the first. A window of padding alone gives the lowest value and index 0.
  private struct Maximum: NumberVisitor {
    let x, y: Tensor
    let indices: Tensor?
    let geometry: WindowGeometry
    let columnMajor: Bool

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    @inline(__always)
    private func run<T: Number>(_: T.Type) {
      let inputPlane = geometry.input.product
      let outputPlane = geometry.output.product
      let xs = x.pointer(T.self)
      let ys = y.pointer(T.self)
      let found = indices?.pointer(Int64.self)
      let planes = x.sizes[0] * x.sizes[1]
      for i in 0..<planes * outputPlane { ys[i] = T.lowest }
      if let found { found.update(repeating: -1, count: planes * outputPlane) }
      forEachIndex(geometry.kernel) { k in
        let tap = TapRows(geometry.tap(k), geometry)
        for plane in 0..<planes {
          for row in tap.rows {
            let from = xs + plane * inputPlane + row.strided
            let to = ys + plane * outputPlane + row.dense
            if let found {
              let at = found + plane * outputPlane + row.dense
              for i in 0..<tap.count {
                let value = from[i * tap.step]
                if at[i] < 0 || value > to[i] || (value.isNotANumber && !to[i].isNotANumber) {
                  to[i] = value
                  at[i] = Int64(plane * inputPlane + row.strided + i * tap.step)
                }
              }
            } else {
              for i in 0..<tap.count {
                let value = from[i * tap.step]
                if value > to[i] || value.isNotANumber { to[i] = value }
              }
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
      let plane = max(geometry.input.product, 1)
      var rest = index % plane
      var position = [Int](repeating: 0, count: geometry.rank)
      for axis in (0..<geometry.rank).reversed() {
        position[axis] = rest % geometry.input[axis]
        rest /= geometry.input[axis]
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
    let counts = elementCounts(geometry)
    switch x.dataType {
    case .float32: average(Float.self, x, into: y, geometry, counts)
    case .float64: average(Double.self, x, into: y, geometry, counts)
    default: throw .notRepresentable
    }
  }

  /// How many elements each window holds: with padding when it counts, but never beyond the padding.
  private func elementCounts(_ geometry: WindowGeometry) -> [Double] {
    var perAxis: [[Double]] = []
    for axis in 0..<geometry.rank {
      let low = countIncludePad ? -geometry.padsBegin[axis] : 0
      let high = geometry.input[axis] + (countIncludePad ? geometry.padsEnd[axis] : 0)
      perAxis.append(
        (0..<geometry.output[axis]).map { o in
          let start = o * geometry.strides[axis] - geometry.padsBegin[axis]
          return Double(
            (0..<geometry.kernel[axis]).count { low..<high ~= start + $0 * geometry.dilations[axis] })
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
    _: T.Type, _ x: Tensor, into y: Tensor, _ geometry: WindowGeometry, _ counts: [Double]
  ) {
    let inputPlane = geometry.input.product
    let outputPlane = geometry.output.product
    let xs = x.pointer(T.self)
    let ys = y.pointer(T.self)
    let taps = geometry.taps.map { TapRows($0, geometry) }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(outputPlane, 1)) { sums in
      guard let sum = sums.baseAddress else { return }
      for plane in 0..<x.sizes[0] * x.sizes[1] {
        sum.update(repeating: 0, count: outputPlane)
        for tap in taps {
          for row in tap.rows {
            let from = xs + plane * inputPlane + row.strided
            let to = sum + row.dense
            for i in 0..<tap.count { to[i] += from[i * tap.step].real }
          }
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
    let (inputPlane, outputPlane) = (geometry.input.product, geometry.output.product)
    let taps = geometry.taps.map { TapRows($0, geometry) }
    let powers = try x.reals().map { pow(abs($0), p.value) }
    var sums = [Double](repeating: 0, count: y.elementCount)
    for plane in 0..<x.sizes[0] * x.sizes[1] {
      for tap in taps {
        for row in tap.rows {
          for i in 0..<tap.count {
            sums[plane * outputPlane + row.dense + i] +=
              powers[plane * inputPlane + row.strided + i * tap.step]
          }
        }
      }
    }
    try y.write(sums.map { pow($0, 1 / p.value) })
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
    let (from, to) = (rowMajorStrides(inferred), rowMajorStrides(sizes))
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
    try visit(x.dataType, Overlaps(x: x, y: y, geometry: geometry, taps: taps))
  }

  private struct Overlaps: NumberVisitor {
    let x, y: Tensor
    let geometry: WindowGeometry
    let taps: Int

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    private func run<T: Number>(_: T.Type) {
      let (xs, ys) = (x.pointer(T.self), y.pointer(T.self))
      let (plane, positions) = (geometry.input.product, geometry.output.product)
      let rows = geometry.taps.map { TapRows($0, geometry) }
      var sums = [T.Sum](repeating: T.zeroSum, count: plane)
      for image in 0..<x.sizes[0] * (x.sizes[1] / taps) {
        for i in 0..<plane { sums[i] = T.zeroSum }
        for (k, tap) in rows.enumerated() {
          let column = xs + (image * taps + k) * positions
          for row in tap.rows {
            for i in 0..<tap.count {
              let at = row.strided + i * tap.step
              sums[at] = T.add(sums[at], column[row.dense + i].sum)
            }
          }
        }
        for i in 0..<plane { ys[image * plane + i] = T(sum: sums[i]) }
      }
    }
  }
}
