import IR
import Tensors

/// Shapes as the attribute of a `Reshape`.
enum ReshapeTarget {
  /// The target that reshapes `from` to `shape`: numbers, 0 for a size that stays where it was, and at most
  /// one −1. nil when that does not suffice.
  static func target(for shape: [Dimension], from: [Dimension]?) -> [Int]? {
    var target: [Int] = []
    var inferred = false
    for (i, size) in shape.enumerated() {
      if let number = size.fixed, number > 0 {
        target.append(number)
      } else if let from, i < from.count, from[i] == size {
        target.append(0)
      } else if size.fixed == nil, !inferred {
        inferred = true
        target.append(-1)
      } else {
        return nil
      }
    }
    // A size that is copied may be zero, and then −1 could be anything.
    if inferred, target.contains(0), shape.contains(where: { $0.fixed == 0 }) { return nil }
    return target
  }
}
