import IR
import Tensors

extension Resize {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...4)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    _ = try context.optionalTensor(1)?.expect(ElementTypes.floats, operand: 1)
    _ = try context.optionalTensor(2)?.expect(ElementTypes.floats, operand: 2)
    // Operands without elements say nothing.
    let scaleCount = scales?.count ?? context.parameterCount(2)
    let sizeCount = sizes?.count ?? context.parameterCount(3)
    let targetSizes = try context.parameter(sizes, or: 3)
    guard let x else { return [.unknown] }
    guard let shape = x.shape else {
      // Without axes, the numbers of scales and sizes are the rank.
      guard axes == nil, let rank = [scaleCount, sizeCount].compactMap({ $0 }).first(where: { $0 > 0 }) else {
        return [.tensor(x.dataType, nil)]
      }
      return [.tensor(x.dataType, try context.unknownSizes(rank))]
    }
    let positions = try resolvedAxes(rank: shape.count)
    var result = shape
    if let targetSizes, !targetSizes.isEmpty {
      try Self.check("sizes", targetSizes.count, positions)
      if let bad = targetSizes.first(where: { ($0.fixed ?? 0) < 0 }) {
        throw GraphError(.attribute("sizes", expected: "numbers from 0", found: "\(bad)"))
      }
      if aspectPolicy == .stretch {
        for (i, axis) in positions.enumerated() { result[axis] = targetSizes[i] }
        return [.tensor(x.dataType, result)]
      }
      if let from = x.sizes, let to = targetSizes.map(\.fixed).allKnown {
        var resize = self
        (resize.sizes, resize.scales) = (to, nil)
        return [.tensor(x.dataType, dimensions(try resize.resolved(sizes: from).sizes))]
      }
    } else if let factors = try knownScales(context), !factors.isEmpty {
      try Self.check("scales", factors.count, positions)
      for (i, axis) in positions.enumerated() {
        // A region is data: it decides how much of the axis is scaled.
        let size = coordinates == .tfCropAndResize ? nil : try Self.scaled(shape[axis], by: factors[i])
        result[axis] = size ?? context.fresh(axis)
      }
      return [.tensor(x.dataType, result)]
    }
    for axis in positions { result[axis] = context.fresh(axis) }
    return [.tensor(x.dataType, result)]
  }

  /// The sizes of the result and the scale of every axis. `sizes` or `scales` must be given, and with scales
  /// of `tfCropAndResize` the region: begins of the axes, then their ends.
  package func resolved(sizes from: [Int], region: [Double]? = nil) throws(GraphError) -> (
    sizes: [Int], scales: [Double]
  ) {
    let positions = try resolvedAxes(rank: from.count)
    var result = from
    var factors = [Double](repeating: 1, count: from.count)
    if let sizes, !sizes.isEmpty {
      try Self.check("sizes", sizes.count, positions)
      try checkAttribute("sizes", sizes, count: sizes.count, atLeast: 0)
      for (i, axis) in positions.enumerated() {
        result[axis] = sizes[i]
        factors[axis] = from[axis] == 0 ? 1 : Double(sizes[i]) / Double(from[axis])
      }
      if aspectPolicy != .stretch, let first = positions.first {
        let candidates = positions.map { factors[$0] }
        let common =
          (aspectPolicy == .notLarger ? candidates.min() : candidates.max()) ?? factors[first]
        for axis in positions {
          factors[axis] = common
          // Halves go up.
          result[axis] = try Self.size((Double(from[axis]) * common + 0.5).rounded(.down))
        }
      }
    } else if let scales, !scales.isEmpty {
      try Self.check("scales", scales.count, positions)
      for (i, axis) in positions.enumerated() {
        factors[axis] = scales[i].value
        if coordinates == .tfCropAndResize {
          guard let region, region.count == 2 * positions.count else {
            throw GraphError(
              .attribute("roi", expected: "\(2 * positions.count) numbers", found: "\(region ?? [])"))
          }
          let share = region[positions.count + i] - region[i]
          result[axis] = try Self.size((Double(from[axis]) * share * scales[i].value).rounded(.down))
        } else {
          result[axis] = try numbers([try Self.scaled(Dimension(from[axis]), by: scales[i].value) ?? -1])[0]
        }
      }
    } else {
      throw GraphError(.attribute("scales", expected: "scales or sizes", found: "neither"))
    }
    for (axis, size) in result.enumerated() where from[axis] == 0 && size != 0 {
      throw GraphError(.dimension(operand: 0, axis: axis, expected: 1, found: 0))
    }
    return (result, factors)
  }

  package func resolvedAxes(rank: Int) throws(GraphError) -> [Int] {
    try Operators.resolved(axes: axes ?? Array(0..<rank), rank: rank)
  }

  private static func check(_ name: String, _ count: Int, _ positions: [Int]) throws(GraphError) {
    if count != positions.count {
      throw GraphError(.attribute(name, expected: "\(positions.count) numbers", found: "\(count)"))
    }
  }

  private func knownScales(_ context: InferenceContext) throws(GraphError) -> [Double]? {
    if let scales { return scales.map(\.value) }
    if let numbers = context.operand(2)?.numbers { return numbers.map { Double($0) } }
    guard let constant = context.operand(2)?.constant, let count = context.parameterCount(2),
      count <= Tensor.rankLimit
    else { return nil }
    return try? constant.tensor().doubles()
  }

  /// ⌊size · scale⌋ with the product as a float32, in which exporters compute it; nil: no formula.
  private static func scaled(_ size: Dimension, by scale: Double) throws(GraphError) -> Dimension? {
    guard scale > 0, scale < Double(Window.limit) else {
      throw GraphError(.attribute("scales", expected: "numbers above 0", found: "\(scale)"))
    }
    if let number = size.fixed {
      return Dimension(try Self.size(Double((Float(number) * Float(scale)).rounded(.down))))
    }
    for divisor in 1...16 {
      let multiple = scale * Double(divisor)
      guard multiple.rounded() == multiple else { continue }
      return try sized { () throws(SizeOverflow) in
        try Dimension.floor(size * Dimension(Int(multiple)), Dimension(divisor))
      }
    }
    return nil
  }

  private static func size(_ value: Double) throws(GraphError) -> Int {
    guard value >= 0, value < Double(Window.limit) else { throw GraphError(.sizeOverflow) }
    return Int(value)
  }
}
