import Tensors

/// A tensor for stating expectations: numbers read and made by index, slowly and plainly.
package struct Grid: Sendable {
  package let sizes: [Int]
  package private(set) var values: [Double]

  package init(_ sizes: [Int], _ values: [Double]) {
    precondition(values.count == sizes.reduce(1, *), "\(values.count) values for \(sizes)")
    self.sizes = sizes
    self.values = values
  }

  /// Every element from its index.
  package init(_ sizes: [Int], _ element: ([Int]) -> Double) {
    self.sizes = sizes
    values = []
    Grid.forEachIndex(sizes) { values.append(element($0)) }
  }

  /// Whole numbers between −`bound` and `bound`: sums of their products are exact in float32, in any order.
  package static func integers(_ sizes: [Int], bound: Int = 4, _ generator: inout SeededGenerator) -> Grid {
    Grid(sizes) { _ in Double(Int.random(in: -bound...bound, using: &generator)) }
  }

  /// Real numbers that float32 holds.
  package static func reals(
    _ sizes: [Int], in range: ClosedRange<Float> = -2...2, _ generator: inout SeededGenerator
  ) -> Grid {
    Grid(sizes) { _ in Double(Float.random(in: range, using: &generator)) }
  }

  package var rank: Int { sizes.count }
  package var count: Int { values.count }

  /// Position of an index in `values`; nil outside.
  package func position(_ index: [Int]) -> Int? {
    precondition(index.count == sizes.count, "index \(index) into \(sizes)")
    var position = 0
    for axis in index.indices {
      guard 0..<sizes[axis] ~= index[axis] else { return nil }
      position = position * sizes[axis] + index[axis]
    }
    return position
  }

  /// The element, or `outside` where there is none.
  package func at(_ index: [Int], outside: Double = 0) -> Double {
    position(index).map { values[$0] } ?? outside
  }

  /// The element that broadcasting puts at an index of a larger shape.
  package func broadcast(at index: [Int]) -> Double {
    let tail = index.suffix(rank)
    return at(zip(tail, sizes).map { $1 == 1 ? 0 : $0 })
  }

  package func map(_ body: (Double) -> Double) -> Grid { Grid(sizes, values.map(body)) }

  package static func forEachIndex(_ sizes: [Int], _ body: ([Int]) -> Void) {
    let count = sizes.reduce(1, *)
    for position in 0..<count {
      var rest = position
      var index = sizes
      for axis in sizes.indices.reversed() {
        index[axis] = rest % sizes[axis]
        rest /= sizes[axis]
      }
      body(index)
    }
  }

  /// The shape that broadcasting gives. Precondition: they broadcast.
  package static func broadcastSizes(_ shapes: [[Int]]) -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    return (0..<rank).map { axis in
      let sizes = shapes.compactMap { axis >= rank - $0.count ? $0[axis - rank + $0.count] : nil }
      return sizes.first { $0 != 1 } ?? 1
    }
  }

  package func tensor(_ dataType: DataType = .float32) -> Tensor {
    // The grid's own sizes fit, and its values convert: only memory could be missing.
    try! Tensor.fromDoubles(values, dataType: dataType, sizes: sizes)
  }

  package func value(_ dataType: DataType = .float32) -> RuntimeValue { .tensor(tensor(dataType)) }
}

extension Tensor {
  package var grid: Grid { get throws { Grid(sizes, try doubles()) } }
}
