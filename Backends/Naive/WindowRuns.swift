import Kernels
import Tensors

/// The elements of a plane that a window reads: for every tap, in row-major order, runs of neighbouring positions at
/// which the tap lies within the input.
///
/// Taps that lie in the padding at every position are left out, however large the window is.
struct WindowRuns {
  /// `count` elements of the strided side, `step` apart, and of the dense side.
  struct Run {
    /// The number of the tap in the kernel.
    var tap = 0
    var strided = 0
    var dense = 0
    var count = 1
  }

  /// A tap along one axis, and the positions at which it lies inside.
  private struct AxisTap {
    let tap, position, element, count: Int
  }

  let step: Int
  /// Elements read for one plane, at most `Int.max`.
  let elementCount: Int
  private let axes: [[AxisTap]]
  private let kernelStrides, inputStrides, outputStrides, rowSteps: [Int]
  /// The runs, where they are few.
  private var table: [Run]?

  private static let tableLimit = 1 << 14

  init(_ geometry: WindowGeometry, _ call: Evaluation) throws(KernelFault) {
    step = geometry.strides.last ?? 1
    kernelStrides = try rowMajorStrides(geometry.kernel)
    let inputStrides = try rowMajorStrides(geometry.input)
    self.inputStrides = inputStrides
    outputStrides = try rowMajorStrides(geometry.output)
    // Where this does not fit, the next position lies outside.
    rowSteps = inputStrides.indices.map { geometry.strides[$0] &* inputStrides[$0] }
    var axes: [[AxisTap]] = []
    for axis in 0..<geometry.rank { axes.append(try Self.taps(geometry, axis, call)) }
    self.axes = axes
    let perAxis = axes.map { $0.reduce(0) { $0 + $1.count } }
    elementCount = saturatingProduct(perAxis)
    let runCount = saturatingProduct(perAxis.dropLast() + [axes.last?.count ?? 1])
    if runCount <= Self.tableLimit {
      var runs: [Run] = []
      runs.reserveCapacity(runCount)
      enumerate { runs.append($0) }
      table = runs
    }
  }

  /// Calls `body` with every run, tap by tap.
  @inline(__always)
  func forEach(_ body: (Run) -> Void) {
    if let table {
      for run in table { body(run) }
    } else {
      enumerate(body)
    }
  }

  private static func taps(
    _ geometry: WindowGeometry, _ axis: Int, _ call: Evaluation
  ) throws(KernelFault) -> [AxisTap] {
    let (input, output) = (geometry.input[axis], geometry.output[axis])
    let (stride, dilation, pad) = (geometry.strides[axis], geometry.dilations[axis], geometry.padsBegin[axis])
    var taps: [AxisTap] = []
    // Positions o with 0 ≤ o · stride + shift < input.
    func append(_ tap: Int) {
      let shift = tap * dilation - pad
      let first = shift >= 0 ? 0 : (-shift + stride - 1) / stride
      let last = input - 1 - shift
      let end = last < 0 ? 0 : min(last / stride + 1, output)
      if first < end {
        taps.append(
          AxisTap(tap: tap, position: first, element: first * stride + shift, count: end - first))
      }
    }
    let kernel = geometry.kernel[axis]
    if kernel <= output {
      try call.takeScratch(kernel, bytes: MemoryLayout<AxisTap>.stride)
      for tap in 0..<kernel { append(tap) }
      return taps
    }
    // The taps inside at one position follow each other, and come later the earlier the position is.
    var next = 0
    for position in (0..<output).reversed() {
      let start = position * stride - pad
      let low = start >= 0 ? 0 : (-start + dilation - 1) / dilation
      let high = input - 1 - start < 0 ? -1 : min((input - 1 - start) / dilation, kernel - 1)
      next = max(next, low)
      if next > high { continue }
      try call.takeScratch(high + 1 - next, bytes: MemoryLayout<AxisTap>.stride)
      for tap in next...high { append(tap) }
      next = high + 1
    }
    return taps
  }

  private func enumerate(_ body: (Run) -> Void) {
    if axes.contains(where: \.isEmpty) { return }
    var taps = [Int](repeating: 0, count: axes.count)
    var rows = [Int](repeating: 0, count: axes.count)
    while true {
      var run = Run()
      for axis in axes.indices {
        let tap = axes[axis][taps[axis]]
        run.tap += tap.tap * kernelStrides[axis]
        run.strided += tap.element * inputStrides[axis]
        run.dense += tap.position * outputStrides[axis]
        run.count = tap.count
      }
      body(run)
      while advance(&run, &rows, taps) { body(run) }
      var axis = axes.count - 1
      while axis >= 0 {
        taps[axis] += 1
        if taps[axis] < axes[axis].count { break }
        taps[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// The next row of positions of the same tap; false after the last.
  @inline(__always)
  private func advance(_ run: inout Run, _ rows: inout [Int], _ taps: [Int]) -> Bool {
    var axis = axes.count - 2
    while axis >= 0 {
      rows[axis] += 1
      if rows[axis] < axes[axis][taps[axis]].count {
        run.strided += rowSteps[axis]
        run.dense += outputStrides[axis]
        return true
      }
      run.strided -= (rows[axis] - 1) * rowSteps[axis]
      run.dense -= (rows[axis] - 1) * outputStrides[axis]
      rows[axis] = 0
      axis -= 1
    }
    return false
  }
}
