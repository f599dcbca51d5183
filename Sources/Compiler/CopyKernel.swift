import Kernels
import Tensors

/// Copies a value's bytes, or brings them into another order: the reorder of last resort, and the step that fills an
/// output which is also an input, a constant or another output.
struct CopyKernel: PreparedKernel {
  let sizes: [Int]
  let from: [Int]
  let to: [Int]
  let elementByteCount: Int
  let byteCount: Int
  let isPlain: Bool

  /// nil when a format has no strides or its elements are smaller than a byte.
  init?(_ placement: Placement, from: Format, to: Format) {
    byteCount = placement.with(from).byteCount
    sizes = placement.sizes
    isPlain = placement.with(from).sameBytes(as: to)
    elementByteCount = (from.storage.bitWidth ?? 0) / 8
    guard from.storage == to.storage, let source = from.layout.strides(of: sizes),
      let target = to.layout.strides(of: sizes), isPlain || elementByteCount > 0
    else { return nil }
    self.from = source
    self.to = target
  }

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    if isPlain {
      call.output(0).base.copyMemory(from: call.input(0).base, byteCount: byteCount)
    } else {
      copyStrided(
        from: call.input(0).base, strides: from, to: call.output(0).base, strides: to, sizes: sizes,
        elementByteCount: elementByteCount)
    }
  }
}
