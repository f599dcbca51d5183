/// A copy between two orders of the same elements, as a loop over matrices that are copied row by row or
/// transposed.
struct StridedCopy: Sendable {
  /// Loops around the matrices: size, source stride, target stride; outermost first.
  private var outer: [(size: Int, source: Int, target: Int)]
  let rows: Int
  let columns: Int
  /// Strides of a row in the source and the target, and, transposed, of a column in the target.
  let sourceRow: Int
  let targetRow: Int
  let targetColumn: Int
  let isTransposed: Bool

  /// nil where neither innermost axis moves by one element. Precondition: no size is 0.
  init?(sizes: [Int], from: [Int], to: [Int]) {
    // Axes in the target's order; neighbours that are neighbours in the source too become one.
    var axes: [(size: Int, source: Int, target: Int)] = []
    for axis in sizes.indices.filter({ sizes[$0] > 1 }).sorted(by: { to[$0] > to[$1] }) {
      if let last = axes.last, last.source == from[axis] * sizes[axis], last.target == to[axis] * sizes[axis]
      {
        axes[axes.count - 1] = (last.size * sizes[axis], from[axis], to[axis])
      } else {
        axes.append((sizes[axis], from[axis], to[axis]))
      }
    }
    guard let innermost = axes.popLast() else {
      outer = []
      (rows, columns, sourceRow, targetRow, targetColumn, isTransposed) = (1, 1, 1, 1, 1, false)
      return
    }
    guard innermost.target == 1 else { return nil }
    if innermost.source == 1 {
      let row = axes.popLast() ?? (1, innermost.size, innermost.size)
      (rows, columns, sourceRow, targetRow, targetColumn) = (
        row.size, innermost.size, row.source, row.target, 1
      )
      isTransposed = false
    } else {
      guard let i = axes.firstIndex(where: { $0.source == 1 }) else { return nil }
      let column = axes.remove(at: i)
      (rows, columns) = (innermost.size, column.size)
      (sourceRow, targetRow, targetColumn) = (innermost.source, 1, column.target)
      isTransposed = true
    }
    outer = axes
  }

  var outerCount: Int { outer.reduce(1) { $0 * $1.size } }
  /// Slices of rows that a large matrix is cut into.
  var slices: Int { max(1, min((rows + 15) / 16, rows * columns / 16384)) }
  var parts: Int { max(1, min(outerCount * slices, 32, outerCount * rows * columns / 8192)) }

  func offsets(of index: Int) -> (source: Int, target: Int) {
    var rest = index
    var source = 0
    var target = 0
    for axis in outer.reversed() {
      source += rest % axis.size * axis.source
      target += rest % axis.size * axis.target
      rest /= axis.size
    }
    return (source, target)
  }
}
