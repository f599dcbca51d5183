import IR
import Tensors

/// The shape that shapes broadcast to by the NumPy rule; nil when the rank of one is unknown.
///
/// Throws when two sizes are numbers that differ and neither is 1, naming the operand.
package func broadcastShapes(_ shapes: [[Dimension]?]) throws(GraphError) -> [Dimension]? {
  var result: [Dimension] = []
  for (operand, shape) in shapes.enumerated() {
    guard let shape else { return nil }
    if shape.count > result.count {
      result.insert(contentsOf: shape.prefix(shape.count - result.count), at: 0)
    }
    let overlap = operand == 0 ? 0 : shape.count
    for back in 1...max(overlap, 1) where back <= overlap {
      let axis = result.count - back
      let found = shape[shape.count - back]
      if let m = result[axis].fixed, let n = found.fixed, m != n, m != 1, n != 1 {
        throw GraphError(
          .dimension(operand: operand, axis: shape.count - back, expected: result[axis], found: found))
      }
      let current = result[axis]
      result[axis] = try sized { () throws(SizeOverflow) in try Dimension.broadcast(current, found) }
    }
  }
  return result
}

/// The sizes that sizes broadcast to by the NumPy rule.
package func broadcastSizes(_ sizes: [[Int]]) throws(GraphError) -> [Int] {
  try numbers(try broadcastShapes(sizes.map { dimensions($0) }) ?? [])
}
