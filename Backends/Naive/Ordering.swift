import Kernels
import Operators
import Tensors

extension Number {
  /// Whether `self` is greater, where NaN is the greatest of all.
  @inline(__always) fileprivate func isAbove(_ other: Self) -> Bool {
    self > other || (isNotANumber && !other.isNotANumber)
  }
}

extension TopK: NaiveOperator {
  static let naiveName = "top-k"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    guard let k = try call.integers(1)?.first, 0...x.sizes[axis] ~= k else { throw .malformed }
    var sizes = x.sizes
    sizes[axis] = k
    if k > Self.insertionLimit { try call.takeScratch(x.sizes[axis], bytes: 16) }
    let values = try call.result(0, x.dataType, sizes)
    let indices = try call.isWanted(1) ? call.result(1, .int64, sizes) : Tensor.allocate(.int64, sizes)
    try visit(x.dataType, Search(x: x, values: values, indices: indices, axis: axis, k: k, largest: largest))
    withExtendedLifetime(indices) {}
  }

  /// Up to this k the best are kept by insertion; beyond, a row is sorted.
  private static let insertionLimit = 64

  private struct Search: NumberVisitor {
    let x, values, indices: Tensor
    let axis, k: Int
    let largest: Bool

    func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) { try run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) { try run(T.self) }

    private func run<T: Number>(_: T.Type) throws(KernelFault) {
      let (xs, ys, at) = (x.pointer(T.self), values.pointer(T.self), indices.pointer(Int64.self))
      let count = x.sizes[axis]
      let inner = try x.sizes[(axis + 1)...].product
      if values.elementCount == 0 { return }
      for o in 0..<(try x.sizes[..<axis].product) {
        for i in 0..<inner {
          let row = xs + o * count * inner + i
          func precedes(_ a: Int, _ b: Int) -> Bool {
            let (p, q) = (row[a * inner], row[b * inner])
            if largest ? p.isAbove(q) : q.isAbove(p) { return true }
            return (largest ? q.isAbove(p) : p.isAbove(q)) ? false : a < b
          }
          for (rank, index) in best(of: count, precedes).enumerated() {
            ys[(o * k + rank) * inner + i] = row[index * inner]
            at[(o * k + rank) * inner + i] = Int64(index)
          }
        }
      }
    }

    /// The first k positions in order. Of many, those that precede the worst found so far are inserted.
    private func best(of count: Int, _ precedes: (Int, Int) -> Bool) -> ArraySlice<Int> {
      if k > TopK.insertionLimit { return (0..<count).sorted(by: precedes).prefix(k) }
      var found: [Int] = []
      found.reserveCapacity(k + 1)
      for index in 0..<count where found.count < k || precedes(index, found[k - 1]) {
        var place = found.count
        while place > 0, precedes(index, found[place - 1]) { place -= 1 }
        found.insert(index, at: place)
        if found.count > k { found.removeLast() }
      }
      return found[...]
    }
  }
}

extension Unique: NaiveOperator {
  static let naiveName = "unique"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let given = try call.operand(0)
    let x = axis == nil ? try given.reshape([given.elementCount]) : given
    let axis = try normalized(axis ?? 0, rank: x.rank)
    let count = x.sizes[axis]
    let groups = x.elementCount == 0 ? Groups(equal: count) : try self.groups(x, axis: axis, call)
    let firsts = groups.firsts
    try takeRows(x, firsts, axis: axis, in: &call)
    if call.isWanted(1) { try vector(1, firsts, &call) }
    if call.isWanted(2) {
      let inverse = try call.result(2, .int64, [count])
      inverse.clear()
      // The only group of parts without elements has no order, and the number 0.
      for (number, group) in groups.ranges.enumerated() where !groups.order.isEmpty {
        for i in group { inverse.pointer(Int64.self)[groups.order[i]] = Int64(number) }
      }
    }
    if call.isWanted(3) { try vector(3, groups.ranges.map(\.count), &call) }
  }

  private func vector(_ index: Int, _ numbers: [Int], _ call: inout Evaluation) throws(KernelFault) {
    let y = try call.result(index, .int64, [numbers.count])
    for (i, number) in numbers.enumerated() { y.pointer(Int64.self)[i] = Int64(number) }
  }

  /// Groups of equal parts.
  private struct Groups {
    /// Positions, those of a group one behind the other; empty where all are equal.
    var order: [Int] = []
    /// Where the groups lie in the order.
    var ranges: [Swift.Range<Int>] = []

    /// Parts without elements are equal, however many there are.
    init(equal count: Int) { ranges = count == 0 ? [] : [0..<count] }

    init() {}

    /// The first position of each group.
    var firsts: [Int] { ranges.map { order.isEmpty ? 0 : order[$0.lowerBound] } }
  }

  private func groups(_ x: Tensor, axis: Int, _ call: Evaluation) throws(KernelFault) -> Groups {
    let count = x.sizes[axis]
    let strides = try rowMajorStrides(x.sizes)
    // Both sorts compare about n · log n times, parts by all of their elements where they are equal.
    let comparisons = Int.bitWidth - x.elementCount.leadingZeroBitCount
    try call.takeSteps(product: [x.elementCount, comparisons, 8])
    try call.takeScratch(x.elementCount + x.elementCount / count + 6 * count)
    let ranks = try elementRanks(x)
    // Offsets of the elements of a part, from its first.
    var part: [Int] = []
    var partSizes = x.sizes
    partSizes[axis] = 1
    forEachIndex(partSizes) { index in part.append(zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }) }
    func difference(_ a: Int, _ b: Int) -> Int {
      for offset in part {
        let (p, q) = (ranks[a * strides[axis] + offset], ranks[b * strides[axis] + offset])
        if p != q { return p < q ? -1 : 1 }
      }
      return 0
    }
    var groups = Groups()
    groups.order = (0..<count).sorted { a, b in
      let d = difference(a, b)
      return d == 0 ? a < b : d < 0
    }
    // Of each group the first occurrence is in front.
    var start = 0
    for i in 1...count where i == count || difference(groups.order[start], groups.order[i]) != 0 {
      groups.ranges.append(start..<i)
      start = i
    }
    if !sorted {
      let order = groups.order
      groups.ranges.sort { order[$0.lowerBound] < order[$1.lowerBound] }
    }
    return groups
  }
}

/// A number per element, equal for equal elements and in their order; NaNs are equal and come last.
private func elementRanks(_ x: Tensor) throws(KernelFault) -> [Int] {
  if x.dataType == .string {
    let texts = x.strings
    return ranks(texts.count) { a, b in texts[a].lexicographicallyPrecedes(texts[b]) }
  }
  if x.dataType.isPlainNumber || x.dataType == .bool { return try visit(x.dataType, Ranks(x: x)) }
  let wide = try cast(x, to: x.dataType.isFloatingPoint ? .float32 : .int64)
  defer { withExtendedLifetime(wide) {} }
  return try visit(wide.dataType, Ranks(x: wide))
}

private func ranks(_ count: Int, _ precedes: (Int, Int) -> Bool) -> [Int] {
  let order = (0..<count).sorted(by: precedes)
  var ranks = [Int](repeating: 0, count: count)
  var rank = 0
  for i in order.indices {
    if i > 0, precedes(order[i - 1], order[i]) { rank += 1 }
    ranks[order[i]] = rank
  }
  return ranks
}

private struct Ranks: NumberVisitor {
  let x: Tensor
  func visitFloat<T: FloatNumber>(_: T.Type) -> [Int] { run(T.self) }
  func visitInteger<T: IntegerNumber>(_: T.Type) -> [Int] { run(T.self) }

  private func run<T: Number>(_: T.Type) -> [Int] {
    let xs = x.pointer(T.self)
    return ranks(x.elementCount) { xs[$1].isAbove(xs[$0]) }
  }
}

extension Hardmax: NaiveOperator {
  static let naiveName = "hardmax"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let y = try call.result(0, x.dataType, x.sizes)
    let rows = try AxisRows(x.sizes, axis: axis, flattens: flattens)
    func run<T: FloatNumber>(_: T.Type) {
      let (xs, ys) = (x.pointer(T.self), y.pointer(T.self))
      rows.forEach { first in
        var best = 0
        for c in 0..<rows.count {
          if xs[first + c * rows.inner].isAbove(xs[first + best * rows.inner]) { best = c }
          ys[first + c * rows.inner] = 0
        }
        if rows.count > 0 { ys[first + best * rows.inner] = 1 }
      }
    }
    switch x.dataType {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    default: throw .notRepresentable
    }
  }
}

/// The rows of a tensor along one axis: `count` elements, `inner` apart.
struct AxisRows {
  let outer, count, inner: Int

  /// `flattens`: a row is everything from the axis on, and the axis may be the rank.
  init(_ sizes: [Int], axis: Int, flattens: Bool = false) throws(KernelFault) {
    if flattens {
      guard axis >= -sizes.count, axis <= sizes.count else { throw .malformed }
      let axis = axis < 0 ? axis + sizes.count : axis
      (outer, count, inner) = try (sizes[..<axis].product, sizes[axis...].product, 1)
    } else {
      let axis = try normalized(axis, rank: sizes.count)
      (outer, count, inner) = try (sizes[..<axis].product, sizes[axis], sizes[(axis + 1)...].product)
    }
  }

  /// Calls `body` with the offset of the first element of each row.
  func forEach(_ body: (Int) -> Void) {
    // Without elements there may be any number of rows.
    if outer * count * inner == 0 { return }
    for o in 0..<outer { for i in 0..<inner { body(o * count * inner + i) } }
  }
}

extension Cumulative: NaiveOperator {
  static let naiveName = "cumulative"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let axis = try call.integers(1)?.first else { throw .malformed }
    let rows = try AxisRows(x.sizes, axis: axis)
    let y = try call.result(0, x.dataType, x.sizes)
    try visit(x.dataType, Running(x: x, y: y, rows: rows, op: self))
  }

  private struct Running: NumberVisitor {
    let x, y: Tensor
    let rows: AxisRows
    let op: Cumulative

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self, one: 1) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self, one: 1) }

    private func run<T: Number>(_: T.Type, one: T.Sum) {
      let (xs, ys) = (x.pointer(T.self), y.pointer(T.self))
      rows.forEach { first in
        var total = op.function == .sum ? T.zeroSum : one
        for c in 0..<rows.count {
          let at = first + (op.reverse ? rows.count - 1 - c : c) * rows.inner
          if op.exclusive { ys[at] = T(sum: total) }
          total = op.function == .sum ? T.add(total, xs[at].sum) : T.multiply(total, xs[at].sum)
          if !op.exclusive { ys[at] = T(sum: total) }
        }
      }
    }
  }
}
