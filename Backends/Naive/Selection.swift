import Kernels
import Operators
import Tensors

extension Concat: NaiveOperator {
  static let naiveName = "concat"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var parts: [Tensor] = []
    for i in call.operands.indices { parts.append(try call.operand(i)) }
    guard let first = parts.first else { throw .malformed }
    let axis = try normalized(axis, rank: first.rank)
    var sizes = first.sizes
    sizes[axis] = 0
    for part in parts {
      guard part.dataType == first.dataType, part.rank == first.rank else { throw .malformed }
      for i in sizes.indices where i != axis && part.sizes[i] != sizes[i] { throw .malformed }
      let (sum, overflow) = sizes[axis].addingReportingOverflow(part.sizes[axis])
      if overflow { throw .budget }
      sizes[axis] = sum
    }
    let strides = try rowMajorStrides(sizes)
    try move(parts, first.dataType, sizes, in: &call) { (operands, y, width) throws(KernelFault) in
      var offset = 0
      for part in operands {
        try copyStrided(
          from: part.bytes.base, strides: rowMajorStrides(part.sizes),
          to: y.base + offset * strides[axis] * width,
          strides: strides, sizes: part.sizes, elementByteCount: width)
        offset += part.sizes[axis]
      }
    }
  }
}

extension Split: NaiveOperator {
  static let naiveName = "split"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    let total = x.sizes[axis]
    let parts = call.wanted.count
    guard parts > 0 else { throw .malformed }
    let counts: [Int]
    if let given = try call.integers(sizes, orOperand: 1) {
      var sum = 0
      for size in given {
        let (next, overflow) = sum.addingReportingOverflow(size)
        if overflow || size < 0 { throw .malformed }
        sum = next
      }
      guard given.count == parts, sum == total else { throw .malformed }
      counts = given
    } else {
      let part = total / parts + (total % parts == 0 ? 0 : 1)
      counts = (0..<parts).map { max(0, min(part, total - $0 * part)) }
    }
    let strides = try rowMajorStrides(x.sizes)
    var offset = 0
    for (index, count) in counts.enumerated() {
      defer { offset += count }
      if !call.wanted[index] { continue }
      var sizes = x.sizes
      sizes[axis] = count
      let own = try rowMajorStrides(sizes)
      try move([x], output: index, x.dataType, sizes, in: &call) { operands, y, width in
        copyStrided(
          from: operands[0].bytes.base + offset * strides[axis] * width, strides: strides, to: y.base,
          strides: own, sizes: sizes, elementByteCount: width)
      }
    }
  }
}

extension Slice: NaiveOperator {
  static let naiveName = "slice"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let starts = try call.integers(starts, orOperand: 1),
      let ends = try call.integers(ends, orOperand: 2)
    else {
      throw .malformed
    }
    let axes = try call.integers(axes, orOperand: 3) ?? Array(0..<starts.count)
    let steps = try call.integers(steps, orOperand: 4) ?? [Int](repeating: 1, count: starts.count)
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw .malformed
    }
    let dense = try rowMajorStrides(x.sizes)
    var sizes = x.sizes
    var strides = dense
    var firsts = [Int](repeating: 0, count: x.rank)
    var seen = [Bool](repeating: false, count: x.rank)
    for i in starts.indices {
      let axis = try normalized(axes[i], rank: x.rank)
      if seen[axis] || steps[i] == 0 { throw .malformed }
      seen[axis] = true
      let range = Stride(start: starts[i], end: ends[i], step: steps[i], size: x.sizes[axis])
      sizes[axis] = range.count
      firsts[axis] = range.first
      // Of at most one element the step does not matter, and may be too large to multiply.
      strides[axis] = range.count > 1 ? steps[i] * dense[axis] : dense[axis]
    }
    let own = try rowMajorStrides(sizes)
    try move([x], x.dataType, sizes, in: &call) { operands, y, width in
      let offset = firsts.indices.reduce(0) { $0 + firsts[$1] * dense[$1] }
      copyStrided(
        from: operands[0].bytes.base + offset * width, strides: strides, to: y.base, strides: own,
        sizes: sizes, elementByteCount: width)
    }
  }

  /// One axis of a slice, clamped to the axis.
  private struct Stride {
    let first: Int
    let count: Int

    init(start: Int, end: Int, step: Int, size: Int) {
      let from = start < 0 ? max(start, -size) + size : start
      // An end before the first element is −1 where a step goes backward, and cannot be counted from the end.
      let to = end < 0 ? (end < -size ? -1 : end + size) : end
      if step > 0 {
        let (low, high) = (min(from, size), min(max(to, 0), size))
        first = low
        count = low < high ? (high - low - 1) / step + 1 : 0
      } else {
        let (high, low) = (min(from, size - 1), min(to, size - 1))
        first = max(high, 0)
        count = high > low && size > 0 ? Int((UInt(high - low) - 1) / step.magnitude) + 1 : 0
      }
    }
  }
}

extension Pad: NaiveOperator {
  static let naiveName = "pad"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let given = try call.integers(pads, orOperand: 1) else { throw .malformed }
    let axes = try call.integers(axes, orOperand: 3) ?? Array(0..<x.rank)
    guard given.count == 2 * axes.count, given.allSatisfy({ -(1 << 40)..<1 << 40 ~= $0 }) else {
      throw .malformed
    }
    var begins = [Int](repeating: 0, count: x.rank)
    var sizes = x.sizes
    for (i, axis) in axes.enumerated() {
      let axis = try normalized(axis, rank: x.rank)
      begins[axis] = given[i]
      sizes[axis] = try added(sizes[axis], given[i] + given[axes.count + i])
    }
    if sizes.contains(where: { $0 < 0 }) { throw .malformed }
    let fill = try fillValue(x, in: call)
    if mode == .constant { return try placeInBorder(x, sizes, begins: begins, fill: fill, in: &call) }
    for axis in sizes.indices where x.sizes[axis] == 0 && sizes[axis] > 0 { throw .malformed }
    let maps = sizes.indices.map { axis in
      AxisMap(count: sizes[axis]) { source(of: $0 - begins[axis], size: x.sizes[axis]) }
    }
    try move([x, fill], x.dataType, sizes, in: &call) { (operands, y, width) throws(KernelFault) in
      try take(from: operands[0], maps: maps, fill: operands[1].bytes.base, into: y.base, width: width)
    }
  }

  /// The element of an axis that position `i`, counted from its first element, repeats.
  private func source(of i: Int, size: Int) -> Int {
    if 0..<size ~= i { return i }
    switch mode {
    case .constant: return -1
    case .edge: return i < 0 ? 0 : size - 1
    case .wrap: return (i % size + size) % size
    case .reflect:
      // Reflections without the edge have period 2 · (size − 1).
      let period = max(2 * (size - 1), 1)
      let folded = (i % period + period) % period
      return folded < size ? folded : period - folded
    }
  }

  /// One element of the operand's type.
  private func fillValue(_ x: Tensor, in call: Evaluation) throws(KernelFault) -> Tensor {
    if let value {
      guard x.dataType != .string else { throw .malformed }
      let real = try faulting { () throws(TensorError) in try Tensor(scalar: value.value) }
      return try cast(real, to: x.dataType)
    }
    if let given = try call.optional(2) {
      guard given.elementCount == 1, given.dataType == x.dataType else { throw .malformed }
      return try given.reshape([])
    }
    return try emptyElement(x.dataType)
  }
}

/// A scalar that is zero, or the empty text.
func emptyElement(_ dataType: DataType) throws(KernelFault) -> Tensor {
  if dataType == .string {
    return try faulting { () throws(TensorError) in try Tensor(strings: [[]], sizes: []) }
  }
  let zero = try Tensor.allocate(dataType, [])
  zero.clear()
  return zero
}

/// Copies `x` into a result of `sizes` that holds `fill` elsewhere: along each axis position `begins` is the first of
/// `x`, and may lie before or behind the result.
func placeInBorder(
  _ x: Tensor, _ sizes: [Int], begins: [Int], fill: Tensor, in call: inout Evaluation
) throws(KernelFault) {
  let (from, to) = (try rowMajorStrides(x.sizes), try rowMajorStrides(sizes))
  try move([x, fill], x.dataType, sizes, in: &call) { operands, y, width in
    let kept = sizes.indices.map { axis -> Swift.Range<Int> in
      let low = max(begins[axis], 0)
      return low..<max(low, min(begins[axis] + x.sizes[axis], sizes[axis]))
    }
    if kept.indices.contains(where: { kept[$0].count < sizes[$0] }) {
      y.fill(with: operands[1].bytes.base, width: width)
    }
    if kept.contains(where: \.isEmpty) { return }
    var (source, target) = (0, 0)
    for axis in kept.indices {
      source += (kept[axis].lowerBound - begins[axis]) * from[axis]
      target += kept[axis].lowerBound * to[axis]
    }
    copyStrided(
      from: operands[0].bytes.base + source * width, strides: from, to: y.base + target * width, strides: to,
      sizes: kept.map(\.count), elementByteCount: width)
  }
}

extension Tensor {
  /// Gives every element of a tensor that has elements the `width` bytes at `element`.
  func fill(with element: UnsafeRawPointer, width: Int) {
    let total = elementCount * width
    base.copyMemory(from: element, byteCount: width)
    var done = width
    while done < total {
      let count = min(done, total - done)
      (base + done).copyMemory(from: base, byteCount: count)
      done += count
    }
  }
}

extension Gather: NaiveOperator {
  static let naiveName = "gather"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let indices = try call.operand(1)
    let axis = try normalized(axis, rank: x.rank)
    let sizes = Array(x.sizes[..<axis]) + indices.sizes + Array(x.sizes[(axis + 1)...])
    let outer = try x.sizes[..<axis].product
    let inner = try x.sizes[(axis + 1)...].product
    let count = x.sizes[axis]
    let positions = try positions(indices, in: count, operand: 1, call)
    try move([x], x.dataType, sizes, in: &call) { operands, y, width in
      if y.elementCount == 0 { return }
      let row = inner * width
      var write = y.base
      for o in 0..<outer {
        let block = operands[0].bytes.base + o * count * row
        for position in positions {
          write.copyMemory(from: block + position * row, byteCount: row)
          write += row
        }
      }
    }
  }
}

extension NonZero: NaiveOperator {
  static let naiveName = "non-zero"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let count = try visit(x.dataType, Count(x: x))
    let y = try call.result(0, .int64, [x.rank, count])
    if y.elementCount == 0 { return }
    try visit(
      x.dataType, Fill(x: x, y: y.pointer(Int64.self), count: count, strides: try rowMajorStrides(x.sizes)))
  }

  private struct Count: NumberVisitor {
    let x: Tensor
    func visitFloat<T: FloatNumber>(_: T.Type) -> Int { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) -> Int { run(T.self) }

    private func run<T: Number>(_: T.Type) -> Int {
      let elements = x.pointer(T.self)
      return (0..<x.elementCount).reduce(0) { elements[$1] != T.zero ? $0 + 1 : $0 }
    }
  }

  /// Writes the position of each element along every axis, axis by axis.
  private struct Fill: NumberVisitor {
    let x: Tensor
    let y: UnsafeMutablePointer<Int64>
    let count: Int
    let strides: [Int]
    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    private func run<T: Number>(_: T.Type) {
      let elements = x.pointer(T.self)
      var next = 0
      for position in 0..<x.elementCount where elements[position] != T.zero {
        for axis in strides.indices {
          y[axis * count + next] = Int64(position / strides[axis] % x.sizes[axis])
        }
        next += 1
      }
    }
  }
}
