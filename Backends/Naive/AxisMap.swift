import Kernels
import Tensors

/// Which element of an axis every position of a result takes, as a formula: a table may be larger than the result.
struct AxisMap {
  let count: Int
  /// The element; −1 stands for a fill.
  let element: (Int) -> Int

  /// Short axes have a table, which is read for every row.
  fileprivate static let tableLimit = 1 << 12

  fileprivate func table(_ positions: Swift.Range<Int>) -> [Int] { positions.map(element) }

  /// The same, by a table where the axis is short.
  fileprivate var prepared: AxisMap {
    if count > Self.tableLimit { return self }
    let table = table(0..<count)
    return AxisMap(count: count) { table[$0] }
  }
}

/// Copies element (maps[0](i), maps[1](j), …) of the source to (i, j, …) of a row-major result.
func take(
  from source: Tensor, maps: [AxisMap], fill: UnsafeRawPointer, into target: UnsafeMutableRawPointer,
  width: Int
) throws(KernelFault) {
  if maps.contains(where: { $0.count == 0 }) { return }
  let strides = try rowMajorStrides(source.sizes)
  let outer = maps.dropLast().map(\.prepared)
  let last = maps.last ?? AxisMap(count: 1) { _ in 0 }
  // The last axis is taken in parts, each of them in all rows.
  for start in stride(from: 0, to: last.count, by: AxisMap.tableLimit) {
    let part = last.table(start..<min(start + AxisMap.tableLimit, last.count))
    var write = target + start * width
    forEachIndex(outer.map(\.count)) { index in
      var offset = 0
      var isFill = false
      for axis in index.indices {
        let position = outer[axis].element(index[axis])
        if position < 0 { isFill = true } else { offset += position * strides[axis] }
      }
      copy(part, of: source.bytes.base + offset * width, isFill: isFill, fill, to: write, width)
      write += last.count * width
    }
  }
}

/// Copies the elements of a row at `positions`; −1 stands for `fill`, and `isFill` makes all of them the fill.
private func copy(
  _ positions: [Int], of row: UnsafeRawPointer, isFill: Bool, _ fill: UnsafeRawPointer,
  to target: UnsafeMutableRawPointer, _ width: Int
) {
  func copy<T: BitwiseCopyable>(_: T.Type) {
    let (source, target) = (row.assumingMemoryBound(to: T.self), target.assumingMemoryBound(to: T.self))
    let fill = fill.loadUnaligned(as: T.self)
    for (i, position) in positions.enumerated() {
      target[i] = isFill || position < 0 ? fill : source[position]
    }
  }
  switch width {
  case 1: copy(UInt8.self)
  case 2: copy(UInt16.self)
  case 4: copy(UInt32.self)
  case 8: copy(UInt64.self)
  default:
    for (i, position) in positions.enumerated() {
      let element = isFill || position < 0 ? fill : row + position * width
      (target + i * width).copyMemory(from: element, byteCount: width)
    }
  }
}
