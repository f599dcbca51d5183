extension Tensor {
  /// The same tensor with its bytes in another order; itself when they already are.
  ///
  /// Throws for blocked layouts and for a change of storage type.
  public func reordered(to target: Format) throws(TensorError) -> Tensor {
    if dataType == .string || placement.sameBytes(as: target) {
      return try Tensor(
        storing: dataType, sizes: sizes, format: target, storage: storage, byteOffset: byteOffset)
    }
    guard format.storage == target.storage else {
      throw .unsupportedFormat("reordering \(format) to \(target) would convert elements")
    }
    guard let bits = format.storage.bitWidth,
      let from = format.layout.strides(of: sizes), let to = target.layout.strides(of: sizes)
    else { throw .unsupportedFormat("reordering \(format) to \(target)") }
    let result = try Tensor(uninitialized: dataType, sizes: sizes, format: target)
    guard let destination = result.mutableBytes else { throw .unsupportedFormat("read-only storage") }
    if bits < 8 {
      try copyPacked(strides: from, to: destination, strides: to)
      return result
    }
    withBytes {
      copyStrided(
        from: $0.base, strides: from, to: destination.base, strides: to, sizes: sizes,
        elementByteCount: bits / 8)
    }
    return result
  }

  /// Elements that share bytes, one after the other.
  private func copyPacked(strides: [Int], to target: MutableBytes, strides targetStrides: [Int])
    throws(TensorError)
  {
    let raw: DataType = format.storage.bitWidth == 4 ? .uint4 : .uint2
    let codec = try ElementCodec.of(raw)
    target.base.initializeMemory(as: UInt8.self, repeating: 0, count: target.count)
    var position = [Int](repeating: 0, count: rank)
    for _ in 0..<elementCount {
      var from = 0
      var to = 0
      for axis in position.indices {
        from += position[axis] * strides[axis]
        to += position[axis] * targetStrides[axis]
      }
      codec.store(codec.int64(at: from, in: bytes.base), at: to, in: target.base)
      for axis in position.indices.reversed() {
        position[axis] += 1
        if position[axis] < sizes[axis] { break }
        position[axis] = 0
      }
    }
  }
}

/// Copies the elements of a logical shape between two strided places; strides are in elements.
package func copyStrided(
  from source: UnsafeRawPointer, strides sourceStrides: [Int], to target: UnsafeMutableRawPointer,
  strides targetStrides: [Int], sizes: [Int], elementByteCount: Int
) {
  StridedCopy(
    strides: sourceStrides, to: targetStrides, sizes: sizes, elementByteCount: elementByteCount
  ).run(from: source, to: target)
}

/// A copy between two strided places of a logical shape, made ready to be done many times.
package struct StridedCopy: Sendable {
  private struct Axis {
    var size: Int
    var sourceStep: Int
    var targetStep: Int
  }

  private let isEmpty: Bool
  /// Steps are in bytes; the innermost axis is apart.
  private let outer: [Axis]
  private let inner: Axis
  private let elementByteCount: Int

  /// Strides are in elements.
  package init(strides sourceStrides: [Int], to targetStrides: [Int], sizes: [Int], elementByteCount: Int) {
    isEmpty = sizes.contains(0)
    self.elementByteCount = elementByteCount
    // Axes of one element do not move the bytes; the target's innermost axis runs innermost.
    var axes = sizes.indices.filter { sizes[$0] > 1 }.sorted { targetStrides[$0] > targetStrides[$1] }.map {
      Axis(
        size: sizes[$0], sourceStep: sourceStrides[$0] * elementByteCount,
        targetStep: targetStrides[$0] * elementByteCount)
    }
    inner = axes.popLast() ?? Axis(size: 1, sourceStep: elementByteCount, targetStep: elementByteCount)
    outer = axes
  }

  /// Copies. Allocates nothing.
  package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    if isEmpty { return }
    withUnsafeTemporaryAllocation(of: Int.self, capacity: outer.count) { position in
      position.initialize(repeating: 0)
      var sourceOffset = 0
      var targetOffset = 0
      while true {
        copyRow(
          from: source + sourceOffset, step: inner.sourceStep, to: target + targetOffset,
          step: inner.targetStep, count: inner.size, elementByteCount: elementByteCount)
        var level = outer.count - 1
        while level >= 0 {
          let axis = outer[level]
          position[level] += 1
          sourceOffset += axis.sourceStep
          targetOffset += axis.targetStep
          if position[level] < axis.size { break }
          sourceOffset -= axis.sourceStep * axis.size
          targetOffset -= axis.targetStep * axis.size
          position[level] = 0
          level -= 1
        }
        if level < 0 { return }
      }
    }
  }
}

private func copyRow(
  from source: UnsafeRawPointer, step sourceStep: Int, to target: UnsafeMutableRawPointer,
  step targetStep: Int,
  count: Int, elementByteCount: Int
) {
  if sourceStep == elementByteCount && targetStep == elementByteCount {
    target.copyMemory(from: source, byteCount: count * elementByteCount)
    return
  }
  func copy<T: BitwiseCopyable>(_: T.Type) {
    for i in 0..<count {
      (target + i * targetStep).storeBytes(
        of: (source + i * sourceStep).loadUnaligned(as: T.self), as: T.self)
    }
  }
  switch elementByteCount {
  case 1: copy(UInt8.self)
  case 2: copy(UInt16.self)
  case 4: copy(UInt32.self)
  case 8: copy(UInt64.self)
  default:
    for i in 0..<count {
      (target + i * targetStep).copyMemory(from: source + i * sourceStep, byteCount: elementByteCount)
    }
  }
}
