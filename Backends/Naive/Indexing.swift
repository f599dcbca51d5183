import Kernels
import Operators
import Tensors

/// Elements of an index operand, counted from the front of an axis of `count`. A fault names the operand.
func positions(
  _ indices: Tensor, in count: Int, operand: Int, _ call: Evaluation
) throws(KernelFault) -> [Int] {
  guard indices.dataType == .int64 || indices.dataType == .int32 else { throw .malformed }
  try call.takeScratch(indices.elementCount)
  let isWide = indices.dataType == .int64
  var positions: [Int] = []
  positions.reserveCapacity(indices.elementCount)
  for i in 0..<indices.elementCount {
    let index = isWide ? Int(indices.pointer(Int64.self)[i]) : Int(indices.pointer(Int32.self)[i])
    guard index >= -count, index < count else { throw .indexOutOfRange(operand: operand) }
    positions.append(index < 0 ? index + count : index)
  }
  return positions
}

/// Where the elements lie that indices of the same rank name along one axis of a row-major tensor.
private func elementOffsets(
  _ sizes: [Int], _ indices: Tensor, axis: Int, _ call: Evaluation
) throws(KernelFault) -> [Int] {
  let axis = try normalized(axis, rank: sizes.count)
  guard indices.rank == sizes.count else { throw .malformed }
  for i in sizes.indices where i != axis && indices.sizes[i] > sizes[i] { throw .malformed }
  let positions = try positions(indices, in: sizes[axis], operand: 1, call)
  try call.takeScratch(positions.count)
  let strides = try rowMajorStrides(sizes)
  var offsets: [Int] = []
  offsets.reserveCapacity(positions.count)
  forEachIndex(indices.sizes) { index in
    var offset = positions[offsets.count] * strides[axis]
    for i in index.indices where i != axis { offset += index[i] * strides[i] }
    offsets.append(offset)
  }
  return offsets
}

/// Where the parts begin that tuples of coordinates name, behind `batchRank` axes that indices and tensor share; and
/// the sizes of a part.
private func partOffsets(
  _ sizes: [Int], _ indices: Tensor, batchRank: Int, _ call: Evaluation
) throws(KernelFault) -> (offsets: [Int], part: [Int]) {
  guard let depth = indices.sizes.last, depth >= 1, batchRank >= 0, batchRank < indices.rank,
    batchRank <= sizes.count, depth <= sizes.count - batchRank,
    sizes.prefix(batchRank) == indices.sizes.prefix(batchRank)
  else { throw .malformed }
  guard let codec = ElementCodec(indices.dataType), indices.dataType == .int64 || indices.dataType == .int32
  else { throw .malformed }
  let strides = try rowMajorStrides(sizes)
  let tuples = try indices.sizes.dropLast().product
  let batches = try sizes.prefix(batchRank).product
  let perBatch = batches > 0 ? tuples / batches : 0
  let batchStride = try sizes[batchRank...].product
  try call.takeScratch(tuples)
  var offsets: [Int] = []
  offsets.reserveCapacity(tuples)
  for tuple in 0..<tuples {
    var offset = tuple / max(perBatch, 1) * batchStride
    for k in 0..<depth {
      let size = sizes[batchRank + k]
      let index = Int(codec.int64(at: tuple * depth + k, in: indices.bytes.base))
      guard index >= -size, index < size else { throw .indexOutOfRange(operand: 1) }
      offset += (index < 0 ? index + size : index) * strides[batchRank + k]
    }
    offsets.append(offset)
  }
  return (offsets, Array(sizes[(batchRank + depth)...]))
}

/// Copies runs of `count` elements that begin at `offsets` one behind the other.
private func gather(
  _ x: Tensor, at offsets: [Int], count: Int, _ sizes: [Int], in call: inout Evaluation
) throws(KernelFault) {
  try move([x], x.dataType, sizes, in: &call) { operands, y, width in
    let row = count * width
    for (i, offset) in offsets.enumerated() {
      (y.base + i * row).copyMemory(from: operands[0].bytes.base + offset * width, byteCount: row)
    }
  }
}

extension GatherElements: NaiveOperator {
  static let naiveName = "gather-elements"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    let offsets = try elementOffsets(x.sizes, indices, axis: axis, call)
    try gather(x, at: offsets, count: 1, indices.sizes, in: &call)
  }
}

extension GatherND: NaiveOperator {
  static let naiveName = "gather-nd"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    let (offsets, part) = try partOffsets(x.sizes, indices, batchRank: batchRank, call)
    try gather(x, at: offsets, count: part.product, indices.sizes.dropLast() + part, in: &call)
  }
}

// MARK: - Scattering

extension ScatterElements: NaiveOperator {
  static let naiveName = "scatter-elements"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    let updates = try call.operand(2)
    guard updates.sizes == indices.sizes else { throw .malformed }
    let offsets = try elementOffsets(x.sizes, indices, axis: axis, call)
    try scatter(x, updates, at: offsets, count: 1, reduction, in: &call)
  }
}

extension ScatterND: NaiveOperator {
  static let naiveName = "scatter-nd"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    let updates = try call.operand(2)
    let (offsets, part) = try partOffsets(x.sizes, indices, batchRank: 0, call)
    guard updates.sizes == indices.sizes.dropLast() + part else { throw .malformed }
    try scatter(x, updates, at: offsets, count: part.product, reduction, in: &call)
  }
}

/// A copy of `x` in which runs of `count` elements at `offsets` are combined with those of `updates`, in order.
private func scatter(
  _ x: Tensor, _ updates: Tensor, at offsets: [Int], count: Int, _ reduction: ScatterReduction,
  in call: inout Evaluation
) throws(KernelFault) {
  guard updates.dataType == x.dataType else { throw .malformed }
  if reduction == .replace {
    return try move([x, updates], x.dataType, x.sizes, in: &call) { operands, y, width in
      let row = count * width
      if x.elementCount > 0 {
        y.base.copyMemory(from: operands[0].bytes.base, byteCount: x.elementCount * width)
      }
      for (i, offset) in offsets.enumerated() {
        (y.base + offset * width).copyMemory(from: operands[1].bytes.base + i * row, byteCount: row)
      }
    }
  }
  guard x.dataType.isPlainNumber || x.dataType.isNarrowFloat || x.dataType == .bool else {
    throw .notRepresentable
  }
  let y = try call.result(0, x.dataType, x.sizes)
  let wide: DataType = x.dataType.isNarrowFloat ? .float32 : x.dataType
  let sum = x.dataType.isNarrowFloat ? try Tensor.allocate(wide, x.sizes) : y
  if wide == x.dataType {
    if x.byteCount > 0 { sum.base.copyMemory(from: x.bytes.base, byteCount: x.byteCount) }
  } else {
    try cast(x, into: sum)
  }
  // Of flags a sum is "or" and a product "and".
  let isFlags = x.dataType == .bool
  let kind: ScatterReduction =
    isFlags && reduction == .add ? .max : isFlags && reduction == .mul ? .min : reduction
  let added = try cast(updates, to: wide)
  try visit(wide, ScatterCombiner(sum: sum, updates: added, offsets: offsets, count: count, reduction: kind))
  withExtendedLifetime(added) {}
  if wide != x.dataType { try cast(sum, into: y) }
}

private struct ScatterCombiner: NumberVisitor {
  let sum, updates: Tensor
  let offsets: [Int]
  let count: Int
  let reduction: ScatterReduction

  func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
  func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

  private func run<T: Number>(_: T.Type) {
    let (sum, updates) = (sum.pointer(T.self), updates.pointer(T.self))
    for (i, offset) in offsets.enumerated() {
      for j in 0..<count {
        let (old, new) = (sum[offset + j], updates[i * count + j])
        sum[offset + j] =
          switch reduction {
          case .replace: new
          case .add: T(sum: T.add(old.sum, new.sum))
          case .mul: T(sum: T.multiply(old.sum, new.sum))
          case .max: old.isNotANumber || old > new ? old : new
          case .min: old.isNotANumber || old < new ? old : new
          }
      }
    }
  }
}

// MARK: - Others

extension OneHot: NaiveOperator {
  static let naiveName = "one-hot"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let indices = try cast(try call.operand(0), to: .int64)
    let values = try call.operand(2)
    let depths = try cast(try call.operand(1), to: .int64)
    guard depths.elementCount == 1, values.sizes == [2] else { throw .malformed }
    let depth = Int(depths.pointer(Int64.self)[0])
    guard depth >= 0 else { throw .malformed }
    let axis = try normalized(axis, rank: indices.rank + 1)
    let inner = try indices.sizes[axis...].product
    try move([values], values.dataType, indices.sizes[..<axis] + [depth] + indices.sizes[axis...], in: &call)
    {
      operands, y, width in
      let (off, on) = (operands[0].bytes.base, operands[0].bytes.base + width)
      for i in 0..<indices.elementCount * depth {
        (y.base + i * width).copyMemory(from: off, byteCount: width)
      }
      for i in 0..<indices.elementCount {
        let index = Int(indices.pointer(Int64.self)[i])
        guard index >= -depth, index < depth else { continue }
        let at = (i / inner * depth + (index < 0 ? index + depth : index)) * inner + i % inner
        (y.base + at * width).copyMemory(from: on, byteCount: width)
      }
    }
  }
}

extension Compress: NaiveOperator {
  static let naiveName = "compress"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let given = try call.operand(0)
    let condition = try call.operand(1)
    guard condition.rank == 1, condition.dataType == .bool else { throw .malformed }
    let x = axis == nil ? try given.reshape([given.elementCount]) : given
    let axis = try normalized(axis ?? 0, rank: x.rank)
    let flags = condition.pointer(UInt8.self)
    var count = 0
    for i in 0..<condition.elementCount where flags[i] != 0 { count += 1 }
    try call.takeScratch(2 * count)
    let kept = (0..<condition.elementCount).filter { flags[$0] != 0 }
    if let last = kept.last, last >= x.sizes[axis] { throw .indexOutOfRange(operand: 1) }
    try takeRows(x, kept, axis: axis, in: &call)
  }
}

/// The parts of `x` at `rows` of one axis, one behind the other.
func takeRows(_ x: Tensor, _ rows: [Int], axis: Int, in call: inout Evaluation) throws(KernelFault) {
  var sizes = x.sizes
  sizes[axis] = rows.count
  let outer = try x.sizes[..<axis].product
  let inner = try x.sizes[(axis + 1)...].product
  try move([x], x.dataType, sizes, in: &call) { operands, y, width in
    if y.elementCount == 0 { return }
    let row = inner * width
    var write = y.base
    for o in 0..<outer {
      let block = operands[0].bytes.base + o * x.sizes[axis] * row
      for position in rows {
        write.copyMemory(from: block + position * row, byteCount: row)
        write += row
      }
    }
  }
}

extension ReverseSequence: NaiveOperator {
  static let naiveName = "reverse-sequence"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2, (timeAxis == 0 && batchAxis == 1) || (timeAxis == 1 && batchAxis == 0),
      let lengths = try call.integers(1), lengths.count == x.sizes[batchAxis]
    else { throw .malformed }
    let steps = x.sizes[timeAxis]
    guard lengths.allSatisfy({ 0...steps ~= $0 }) else { throw .indexOutOfRange(operand: 1) }
    let inner = try x.sizes[2...].product
    try move([x], x.dataType, x.sizes, in: &call) { operands, y, width in
      if y.elementCount == 0 { return }
      let row = inner * width
      for (b, length) in lengths.enumerated() {
        for t in 0..<steps {
          let source = t < length ? length - 1 - t : t
          let (to, from) =
            timeAxis == 0
            ? (t * lengths.count + b, source * lengths.count + b) : (b * steps + t, b * steps + source)
          (y.base + to * row).copyMemory(from: operands[0].bytes.base + from * row, byteCount: row)
        }
      }
    }
  }
}

extension CenterCropPad: NaiveOperator {
  static let naiveName = "center-crop-pad"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axes = axes ?? Array(x.sizes.indices)
    guard let target = try call.integers(1), target.count == axes.count, target.allSatisfy({ $0 >= 0 }) else {
      throw .malformed
    }
    var sizes = x.sizes
    for (i, axis) in axes.enumerated() { sizes[try normalized(axis, rank: x.rank)] = target[i] }
    let begins = sizes.indices.map { axis in
      let (size, found) = (sizes[axis], x.sizes[axis])
      return size > found ? (size - found) / 2 : -((found - size) / 2)
    }
    try placeInBorder(x, sizes, begins: begins, fill: try emptyElement(x.dataType), in: &call)
  }
}
