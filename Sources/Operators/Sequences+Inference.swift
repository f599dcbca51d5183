import IR
import Tensors

extension SequenceConstruct {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...Int.max)
    var joiner = TypeJoiner(context, seenBy: context.operands)
    var element: ValueType?
    for i in context.operands.indices {
      guard let operand = context.operand(i) else { throw GraphError(.missing(operand: i)) }
      if let found = try operand.tensorType(i)?.dataType, let expected = element?.tensor?.dataType,
        found != expected
      {
        throw GraphError(.dataType(operand: i, expected: [expected], found: found))
      }
      element =
        try element.map { (known) throws(GraphError) in try joiner.join(known, operand.type) } ?? operand.type
    }
    return [.sequence(element ?? .unknown)]
  }
}

extension SequenceAt {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    _ = try context.tensor(1, of: ElementTypes.indices)
    guard let element = try context.sequenceElement(0) else { return [.unknown] }
    guard case .tensor(var type) = element else { return [element] }
    // One symbol of the sequence's type stands for sizes that may differ from element to element.
    type.shape = type.shape?.enumerated().map { $1.fixed == nil ? context.fresh($0) : $1 }
    return [.tensor(type)]
  }
}

extension SequenceLength {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    _ = try context.sequenceElement(0)
    return [.tensor(.int64, [])]
  }
}

extension InferenceContext {
  fileprivate func sequenceElement(_ i: Int) throws(GraphError) -> ValueType? {
    guard let operand = operand(i) else { throw GraphError(.missing(operand: i)) }
    switch operand.type {
    case .sequence(let element): return element
    case .unknown: return nil
    case .tensor, .optional: throw GraphError(.kind(operand: i, expected: "a sequence", found: operand.type))
    }
  }
}

extension SequenceEmpty {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(0...0)
    return [.sequence(.tensor(dataType, nil))]
  }
}

extension SequenceInsert {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    _ = try context.optionalTensor(2)?.expect(ElementTypes.indices, operand: 2)
    let element = try context.sequenceElement(0)
    guard let item = context.operand(1) else { throw GraphError(.missing(operand: 1)) }
    guard let element, element != .unknown else { return [.sequence(item.type)] }
    if let expected = element.tensor?.dataType, let found = try item.tensorType(1)?.dataType,
      found != expected
    {
      throw GraphError(.dataType(operand: 1, expected: [expected], found: found))
    }
    var joiner = TypeJoiner(context, seenBy: context.operands)
    return [.sequence(try joiner.join(element, item.type))]
  }
}

extension SequenceErase {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    _ = try context.optionalTensor(1)?.expect(ElementTypes.indices, operand: 1)
    return [try context.sequenceElement(0).map { .sequence($0) } ?? .unknown]
  }
}

extension SplitToSequence {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    _ = try context.optionalTensor(1)?.expect(ElementTypes.indices, operand: 1)
    guard let x = try context.tensor(0) else { return [.sequence(.unknown)] }
    guard var shape = x.shape else { return [.sequence(.tensor(x.dataType, nil))] }
    let axis = try resolved(axis: axis, rank: shape.count)
    if context.operand(1) != nil {
      shape[axis] = context.fresh(0)
    } else if keepDims {
      shape[axis] = 1
    } else {
      shape.remove(at: axis)
    }
    return [.sequence(.tensor(x.dataType, shape))]
  }
}

extension ConcatFromSequence {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let element = try context.sequenceElement(0), case .tensor(let type) = element else {
      return [.unknown]
    }
    guard let shape = type.shape else { return [.tensor(type.dataType, nil)] }
    // Sizes that are not numbers may differ from item to item.
    var sizes = shape.enumerated().map { $1.fixed == nil ? context.fresh($0 + 1) : $1 }
    if newAxis {
      sizes.insert(context.fresh(0), at: try resolved(axis: axis, rank: shape.count + 1))
    } else {
      sizes[try resolved(axis: axis, rank: shape.count)] = context.fresh(0)
    }
    return [.tensor(type.dataType, sizes)]
  }
}

extension OptionalOf {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(0...1)
    if let operand = context.operand(0) { return [.optional(operand.type)] }
    guard let dataType else { return [.optional(.unknown)] }
    let type = ValueType.tensor(dataType, nil)
    return [.optional(isSequence ? .sequence(type) : type)]
  }
}

extension OptionalHasElement {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(0...1)
    return [.tensor(.bool, [])]
  }
}

extension OptionalGetElement {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let operand = context.operand(0) else { throw GraphError(.missing(operand: 0)) }
    if case .optional(let element) = operand.type { return [element] }
    return [operand.type]
  }
}
