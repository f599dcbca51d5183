import IR
import Tensors

extension TopK {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    try context.expectResults(1...2)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    let k = try context.parameter(nil, or: 1)
    guard let x else { return [.unknown, .unknown] }
    guard var shape = x.shape else { return [.tensor(x.dataType, nil), .tensor(.int64, nil)] }
    let axis = try resolved(axis: axis, rank: shape.count)
    if let count = k?.first?.fixed, let size = shape[axis].fixed, !(0...max(size, 0) ~= count) {
      throw GraphError(.malformed("k is \(count), expected a number from 0 to the size \(size) of the axis"))
    }
    shape[axis] = k?.first ?? context.fresh(axis)
    return [.tensor(x.dataType, shape), .tensor(.int64, shape)]
  }
}

extension Unique {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    try context.expectResults(1...4)
    let x = try context.tensor(0)
    if let x, x.dataType.isComplex {
      throw GraphError(.dataType(operand: 0, expected: ElementTypes.numbers, found: x.dataType))
    }
    let count = context.fresh(0)
    var values = x.map { ValueType.tensor($0.dataType, axis == nil ? [count] : nil) } ?? .unknown
    var inverse: Dimension?
    if let x, var shape = x.shape {
      if let axis {
        let at = try resolved(axis: axis, rank: shape.count)
        inverse = shape[at]
        shape[at] = count
        values = .tensor(x.dataType, shape)
      } else {
        inverse = try product(shape)
      }
    }
    return [
      values, .tensor(.int64, [count]), .tensor(.int64, [inverse ?? context.fresh(1)]),
      .tensor(.int64, [count]),
    ]
  }
}

extension Hardmax {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferAlongAxis(context, axis, flattens: flattens)]
  }
}

extension Cumulative {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    let axis = try context.numbers(nil, or: 1)
    if let axis = axis?.first, let rank = x?.shape?.count { _ = try resolved(axis: axis, rank: rank) }
    return [x.map { .tensor($0) } ?? .unknown]
  }
}
