import IR
import Tensors

extension DFT {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...3)
    guard let x = try context.tensor(0, of: ElementTypes.floats) else { return [.unknown] }
    let length = try context.parameter(nil, or: 1)?.first
    let given = try context.numbers(axis.map { [$0] }, or: 2)?.first
    guard var shape = x.shape else { return [.tensor(x.dataType, nil)] }
    if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
    if let parts = shape.last?.fixed, parts != 1 && parts != 2 {
      throw GraphError(.dimension(operand: 0, axis: shape.count - 1, expected: 2, found: Dimension(parts)))
    }
    guard let axis = given ?? (context.operand(2) == nil ? -2 : nil) else {
      return [.tensor(x.dataType, try context.unknownSizes(shape.count))]
    }
    let at = try resolved(axis: axis, rank: shape.count)
    if at == shape.count - 1 {
      throw GraphError(.attribute("axis", expected: "not the last axis", found: "\(axis)"))
    }
    if let number = length?.fixed, number < 1 {
      throw GraphError(.malformed("the length is \(number), expected a number from 1"))
    }
    let size = shape[at]
    let isGiven = context.operand(1) != nil
    shape[at] = try sized { () throws(SizeOverflow) in
      if isGiven, length == nil { return context.fresh(at) }
      var full = length ?? size
      if length == nil, inverse && onesided { full = try (size - 1) * 2 }
      return onesided && !inverse ? try .floor(full, 2) + 1 : full
    }
    shape[shape.count - 1] = inverse && onesided ? 1 : 2
    return [.tensor(x.dataType, shape)]
  }
}

extension STFT {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...4)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let step = try context.numbers(nil, or: 1)?.first
    try context.expectSameType(0, 2..<3)
    let given = try context.parameter(nil, or: 3)?.first
    guard let x else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, try context.unknownSizes(4))] }
    if shape.count != 3 { throw GraphError(.rank(operand: 0, expected: 3, found: shape.count)) }
    if let step, step < 1 { throw GraphError(.malformed("the step is \(step), expected a number from 1")) }
    var frame = given
    if context.operand(3) == nil {
      frame = context.operand(2) == nil ? shape[1] : context.operand(2)?.shape?.first
    }
    if let frame { try context.expectShape(2, [frame]) }
    guard let frame else { return [.tensor(x.dataType, [shape[0], context.fresh(1), context.fresh(2), 2])] }
    if let number = frame.fixed, number < 1 {
      throw GraphError(.malformed("the frame length is \(number), expected a number from 1"))
    }
    let frames = try sized { () throws(SizeOverflow) -> Dimension? in
      guard let step else { return nil }
      return try .floor(shape[1] - frame, Dimension(step)) + 1
    }
    if let number = frames?.fixed, number < 0 {
      throw GraphError(.malformed("a signal of \(shape[1]) is shorter than a frame of \(frame)"))
    }
    let bins = try sized { () throws(SizeOverflow) in onesided ? try .floor(frame, 2) + 1 : frame }
    return [.tensor(x.dataType, [shape[0], frames ?? context.fresh(1), bins, 2])]
  }
}

/// Element types that generated numbers may be asked for.
private let generatedTypes = ElementTypes.numbers

private func checkGenerated(_ type: DataType, _ name: String) throws(GraphError) {
  if !generatedTypes.contains(type) {
    throw GraphError(.attribute(name, expected: "a type of numbers", found: type.rawValue))
  }
}

extension CosineWindow {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    try checkGenerated(dataType, "output_datatype")
    let size = try context.parameter(nil, or: 0)?.first
    if let number = size?.fixed, number < 0 {
      throw GraphError(.malformed("the size is \(number), expected a number from 0"))
    }
    return [.tensor(dataType, [size ?? context.fresh(0)])]
  }
}

extension MelWeightMatrix {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(5...5)
    try checkGenerated(dataType, "output_datatype")
    let bands = try context.parameter(nil, or: 0)?.first
    let length = try context.parameter(nil, or: 1)?.first
    _ = try context.parameter(nil, or: 2)
    for i in 3..<5 { _ = try context.tensor(i, of: ElementTypes.floats) }
    for number in [bands?.fixed, length?.fixed] {
      if let number, number < 0 {
        throw GraphError(.malformed("a size is \(number), expected a number from 0"))
      }
    }
    var bins = context.fresh(0)
    if let length { bins = try sized { () throws(SizeOverflow) in try .floor(length, 2) + 1 } }
    return [.tensor(dataType, [bins, bands ?? context.fresh(1)])]
  }
}
