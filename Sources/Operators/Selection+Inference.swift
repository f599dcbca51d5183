import IR
import Tensors

extension Pad {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(pads == nil ? 2...4 : 1...4)
    guard let x = try context.tensor(0) else { return [.unknown] }
    let pads = try context.parameter(self.pads, or: 1)
    let axes = try context.numbers(self.axes, or: 3)
    try context.expectSameType(0, 2..<3)
    if let shape = try context.optionalTensor(2)?.shape, !shape.isEmpty { try context.expectShape(2, [1]) }
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    let areAxesKnown = axes != nil || context.operand(3) == nil
    guard let pads, areAxesKnown else {
      guard areAxesKnown, let axes else {
        return [.tensor(x.dataType, try context.unknownSizes(shape.count))]
      }
      var result = shape
      for axis in try Operators.resolved(axes: axes, rank: shape.count) { result[axis] = context.fresh(axis) }
      return [.tensor(x.dataType, result)]
    }
    return [.tensor(x.dataType, try paddedShape(shape, pads, axes))]
  }

  /// Elements added before and after each axis, negative ones cut; `pads` must be given.
  package func resolved(rank: Int) throws(GraphError) -> (begins: [Int], ends: [Int]) {
    guard let pads else { throw GraphError(.attribute("pads", expected: "numbers", found: "nothing")) }
    var begins = [Int](repeating: 0, count: rank)
    var ends = begins
    for (i, axis) in try paddedAxes(axes, rank: rank, count: pads.count).enumerated() {
      begins[axis] = pads[i]
      ends[axis] = pads[pads.count / 2 + i]
      for pad in [begins[axis], ends[axis]] where abs(max(pad, -Int.max)) > Window.limit {
        throw GraphError(.attribute("pads", expected: "sizes", found: "\(pad)"))
      }
    }
    return (begins, ends)
  }

  /// The sizes of the result; `pads` must be given.
  package func resolvedSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    _ = try resolved(rank: sizes.count)
    return try numbers(try paddedShape(dimensions(sizes), dimensions(pads ?? []), axes))
  }

  private func paddedAxes(_ axes: [Int]?, rank: Int, count: Int) throws(GraphError) -> [Int] {
    let axes = try Operators.resolved(axes: axes ?? Array(0..<rank), rank: rank)
    if count != 2 * axes.count {
      throw GraphError(.attribute("pads", expected: "\(2 * axes.count) numbers", found: "\(count)"))
    }
    return axes
  }

  private func paddedShape(_ shape: [Dimension], _ pads: [Dimension], _ axes: [Int]?) throws(GraphError)
    -> [Dimension]
  {
    var result = shape
    for (i, axis) in try paddedAxes(axes, rank: shape.count, count: pads.count).enumerated() {
      let size = shape[axis]
      let padded = try sized { () throws(SizeOverflow) in try size + pads[i] + pads[pads.count / 2 + i] }
      if let number = padded.fixed, number < 0 || (number > 0 && mode != .constant && size.fixed == 0) {
        throw GraphError(
          .attribute("pads", expected: "numbers that fit size \(size) of axis \(axis)", found: "\(pads)"))
      }
      result[axis] = padded
    }
    return result
  }
}

extension Gather {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let indices = try context.tensor(1, of: ElementTypes.indices)
    guard let x else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    let axis = try resolvedAxis(rank: shape.count)
    guard let selected = indices?.shape else { return [.tensor(x.dataType, nil)] }
    return [.tensor(x.dataType, shape[..<axis] + selected + shape[(axis + 1)...])]
  }

  package func resolvedAxis(rank: Int) throws(GraphError) -> Int { try resolved(axis: axis, rank: rank) }
}

extension NonZero {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0)
    // A scalar counts as a vector of one element.
    let rank = x?.shape.map { Dimension(max($0.count, 1)) } ?? context.fresh(1)
    return [.tensor(.int64, [rank, context.fresh(0)])]
  }
}
