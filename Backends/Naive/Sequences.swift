import Kernels
import Operators
import Tensors

extension SequenceConstruct: NaiveOperator {
  static let naiveName = "sequence-construct"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var items: [RuntimeValue] = []
    for operand in call.operands {
      guard let operand else { throw .malformed }
      items.append(operand)
    }
    try call.setSequence(items)
  }
}

extension Evaluation {
  /// Gives a sequence, whose items weigh their bytes, also those that several share.
  fileprivate mutating func setSequence(_ items: [RuntimeValue]) throws(KernelFault) {
    var byteCount = 0
    for case .tensor(let tensor) in items { byteCount = try added(byteCount, tensor.byteCount) }
    try checkList(itemCount: items.count, byteCount: byteCount)
    set(0, .sequence(items))
  }

  fileprivate func sequence(_ index: Int) throws(KernelFault) -> [RuntimeValue] {
    guard index < operands.count, case .sequence(let items) = operands[index] else { throw .malformed }
    return items
  }
}

extension SequenceAt: NaiveOperator {
  static let naiveName = "sequence-at"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let items = try call.sequence(0)
    guard let position = try call.integers(1), position.count == 1 else { throw .malformed }
    guard position[0] >= -items.count, position[0] < items.count else { throw .indexOutOfRange(operand: 1) }
    call.set(0, items[position[0] < 0 ? position[0] + items.count : position[0]])
  }
}

extension SequenceLength: NaiveOperator {
  static let naiveName = "sequence-length"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let count = try call.sequence(0).count
    let y = try call.result(0, .int64, [])
    y.pointer(Int64.self)[0] = Int64(count)
  }
}

extension SequenceEmpty: NaiveOperator {
  static let naiveName = "sequence-empty"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) { call.set(0, .sequence([])) }
}

extension Evaluation {
  /// A position in front of an item, or also behind the last; nil when the operand is omitted.
  fileprivate func position(_ index: Int, count: Int, isEndAllowed: Bool) throws(KernelFault) -> Int? {
    guard let given = try integers(index) else { return nil }
    guard given.count == 1 else { throw .malformed }
    guard given[0] >= -count, given[0] < count || (isEndAllowed && given[0] == count) else {
      throw .indexOutOfRange(operand: index)
    }
    return given[0] < 0 ? given[0] + count : given[0]
  }
}

extension SequenceInsert: NaiveOperator {
  static let naiveName = "sequence-insert"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var items = try call.sequence(0)
    guard call.operands.count > 1, let item = call.operands[1] else { throw .malformed }
    let position = try call.position(2, count: items.count, isEndAllowed: true)
    try call.takeSteps(items.count)
    items.insert(item, at: position ?? items.count)
    try call.setSequence(items)
  }
}

extension SequenceErase: NaiveOperator {
  static let naiveName = "sequence-erase"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var items = try call.sequence(0)
    let position = try call.position(1, count: items.count, isEndAllowed: false)
    if items.isEmpty { throw .indexOutOfRange(operand: 1) }
    try call.takeSteps(items.count)
    items.remove(at: position ?? items.count - 1)
    try call.setSequence(items)
  }
}

extension SplitToSequence: NaiveOperator {
  static let naiveName = "split-to-sequence"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    let total = x.sizes[axis]
    let given = try call.optional(1)
    let sizes = try given?.integers()
    let counts = try partSizes(total, sizes, isVector: given?.rank == 1, call)
    let strides = try rowMajorStrides(x.sizes)
    var parts: [RuntimeValue] = []
    parts.reserveCapacity(counts.count)
    var start = 0
    for count in counts {
      var sizes = x.sizes
      sizes[axis] = count
      var inner = Evaluation([.tensor(x)], wanted: [true])
      let own = try rowMajorStrides(sizes)
      try move([x], x.dataType, sizes, in: &inner) { operands, y, width in
        copyStrided(
          from: operands[0].bytes.base + start * strides[axis] * width, strides: strides, to: y.base,
          strides: own, sizes: sizes, elementByteCount: width)
      }
      start += count
      guard let part = inner.results.first??.tensor else { throw .malformed }
      if given == nil && !keepDims { sizes.remove(at: axis) }
      parts.append(.tensor(sizes == part.sizes ? part : try part.reshape(sizes)))
    }
    try call.setSequence(parts)
  }

  /// The sizes of the parts along the axis: given each, or one for all, the last of which may be smaller.
  private func partSizes(
    _ total: Int, _ given: [Int]?, isVector: Bool, _ call: Evaluation
  ) throws(KernelFault) -> [Int] {
    if let given, isVector {
      var left = total
      for size in given {
        guard size >= 0, size <= left else { throw .malformed }
        left -= size
      }
      guard left == 0 else { throw .malformed }
      try call.checkList(itemCount: given.count)
      return given
    }
    let size = given?.first ?? 1
    guard size > 0 else { throw .malformed }
    let count = total / size + (total % size == 0 ? 0 : 1)
    try call.checkList(itemCount: count)
    return (0..<count).map { min(size, total - $0 * size) }
  }
}

extension ConcatFromSequence: NaiveOperator {
  static let naiveName = "concat-from-sequence"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var parts: [RuntimeValue?] = []
    var place = axis
    for item in try call.sequence(0) {
      guard var part = item.tensor else { throw .malformed }
      part = try part.plain()
      if newAxis {
        place = try normalized(axis, rank: part.rank + 1)
        var sizes = part.sizes
        sizes.insert(1, at: place)
        part = try part.reshape(sizes)
      }
      parts.append(.tensor(part))
    }
    var inner = call.with(parts)
    try Concat(axis: place).evaluate(&inner)
    guard let result = inner.results.first ?? nil else { throw .malformed }
    call.set(0, result)
  }
}

extension OptionalOf: NaiveOperator {
  static let naiveName = "optional"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    call.set(0, (call.operands.first ?? nil) ?? .absent)
  }
}

extension OptionalHasElement: NaiveOperator {
  static let naiveName = "optional-has-element"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let y = try call.result(0, .bool, [])
    let value = (call.operands.first ?? nil) ?? .absent
    if case .absent = value { y.pointer(UInt8.self)[0] = 0 } else { y.pointer(UInt8.self)[0] = 1 }
  }
}

extension OptionalGetElement: NaiveOperator {
  static let naiveName = "optional-get-element"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let value = call.operands.first ?? nil else { throw .malformed }
    if case .absent = value { throw .malformed }
    call.set(0, value)
  }
}
