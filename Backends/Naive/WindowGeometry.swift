import Kernels
import Operators
import Tensors

/// A window laid over spatial axes of given sizes, all its numbers checked.
struct WindowGeometry {
  let input: [Int]
  let kernel: [Int]
  let strides: [Int]
  let dilations: [Int]
  private(set) var padsBegin: [Int]
  private(set) var padsEnd: [Int]
  /// Positions of the window along each axis.
  private(set) var output: [Int]

  var rank: Int { input.count }

  /// Larger attributes are refused, so that products of two fit an `Int`.
  private static let limit = 1 << 31

  init(_ window: Window, input: [Int], kernel: [Int]? = nil, ceilMode: Bool = false) throws(KernelFault) {
    let kernel = kernel ?? window.kernel
    let rank = input.count
    guard kernel.count == rank, window.strides.count == rank, window.dilations.count == rank,
      window.padsBegin.count == rank, window.padsEnd.count == rank,
      window.strides.allSatisfy({ 1..<Self.limit ~= $0 }),
      window.dilations.allSatisfy({ 1..<Self.limit ~= $0 }),
      kernel.allSatisfy({ 1..<Self.limit ~= $0 }), input.allSatisfy({ 0..<Self.limit ~= $0 }),
      (window.padsBegin + window.padsEnd).allSatisfy({ -Self.limit..<Self.limit ~= $0 })
    else { throw .malformed }
    self.input = input
    self.kernel = kernel
    strides = window.strides
    dilations = window.dilations
    padsBegin = window.padsBegin
    padsEnd = window.padsEnd
    output = []
    for axis in 0..<rank {
      let extent = (kernel[axis] - 1) * dilations[axis] + 1
      switch window.autoPad {
      case .explicit: break
      case .valid:
        padsBegin[axis] = 0
        padsEnd[axis] = 0
      case .sameUpper, .sameLower:
        let count = (input[axis] + strides[axis] - 1) / strides[axis]
        let total = max((count - 1) * strides[axis] + extent - input[axis], 0)
        padsBegin[axis] = window.autoPad == .sameUpper ? total / 2 : total - total / 2
        padsEnd[axis] = total - padsBegin[axis]
      }
      let free = input[axis] + padsBegin[axis] + padsEnd[axis] - extent
      if free < 0 { throw .malformed }
      var count = free / strides[axis] + 1
      if ceilMode, free % strides[axis] != 0 {
        count += 1
        // A window that would start in the padding after the end is left out.
        if (count - 1) * strides[axis] >= input[axis] + padsBegin[axis] { count -= 1 }
      }
      output.append(count)
    }
  }

  /// A geometry whose roles are swapped: `positions` windows write to axes of sizes `target`, as in `ConvTranspose`.
  init(
    kernel: [Int], strides: [Int], dilations: [Int], padsBegin: [Int], positions: [Int], target: [Int]
  ) {
    input = target
    self.kernel = kernel
    self.strides = strides
    self.dilations = dilations
    self.padsBegin = padsBegin
    padsEnd = padsBegin
    output = positions
  }

  /// The same computation over one axis where windows are single elements: rows become one long row.
  func flattened() throws(KernelFault) -> WindowGeometry {
    guard rank > 1, kernel.allSatisfy({ $0 == 1 }), strides.allSatisfy({ $0 == 1 }),
      padsBegin.allSatisfy({ $0 == 0 }), input == output
    else { return self }
    return WindowGeometry(
      kernel: [1], strides: [1], dilations: [1], padsBegin: [0], positions: [try output.product],
      target: [try input.product])
  }
}

/// Calls `body` with every index of a box, in row-major order; once with no axes.
func forEachIndex(_ sizes: [Int], _ body: ([Int]) -> Void) {
  if sizes.contains(0) { return }
  var index = [Int](repeating: 0, count: sizes.count)
  while true {
    body(index)
    var axis = sizes.count - 1
    while axis >= 0 {
      index[axis] += 1
      if index[axis] < sizes[axis] { break }
      index[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}
