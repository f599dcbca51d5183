import IR
import Tensors

extension Convolution {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let weights = try context.tensor(1)
    try context.expectSameType(0, 1..<3)
    try checkGroups(groups)
    guard let type = x?.dataType ?? weights?.dataType else { return [.unknown] }
    let shapes = try WindowedShapes(context, window, x: x, weights: weights)
    if let outputs = shapes.weights?[0], let perGroup = shapes.weights?[1] {
      try checkDivisible(outputs, by: groups, named: "group")
      let channels = try sized { () throws(SizeOverflow) in try perGroup * Dimension(groups) }
      if let found = shapes.x?[1] { try checkEqual(channels, found, operand: 0, axis: 1) }
      try context.expectShape(2, [outputs])
    }
    let spatial = try window.outputShape(for: shapes.spatial)
    return [.tensor(type, [shapes.batch, shapes.weights?[0] ?? context.fresh(1)] + spatial)]
  }
}

extension ConvTranspose {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let weights = try context.tensor(1)
    try context.expectSameType(0, 1..<3)
    try checkGroups(groups)
    guard let type = x?.dataType ?? weights?.dataType else { return [.unknown] }
    let shapes = try WindowedShapes(context, window, x: x, weights: weights)
    var outputs = context.fresh(1)
    if let channels = shapes.weights?[0], let perGroup = shapes.weights?[1] {
      try checkDivisible(channels, by: groups, named: "group")
      if let found = shapes.x?[1] { try checkEqual(channels, found, operand: 0, axis: 1) }
      outputs = try sized { () throws(SizeOverflow) in try perGroup * Dimension(groups) }
      try context.expectShape(2, [outputs])
    }
    return [.tensor(type, [shapes.batch, outputs] + (try outputShape(for: shapes.spatial)))]
  }
}

/// Shapes of an operand [N, C, …] and of weights [·, ·, kernel…], checked against each other and a window,
/// whose number of axes gives the rank when the operand's is unknown.
struct WindowedShapes {
  var x: [Dimension]?
  var weights: [Dimension]?
  var batch: Dimension
  var spatial: [Dimension]

  init(_ context: InferenceContext, _ window: Window, x: TensorType?, weights: TensorType?) throws(GraphError)
  {
    let rank = window.kernel.count + 2
    if let found = x?.shape?.count {
      if found < 3 { throw GraphError(.minimumRank(operand: 0, expected: 3, found: found)) }
      try window.check(spatialRank: found - 2)
    } else {
      try window.check(spatialRank: window.kernel.count)
    }
    if let shape = weights?.shape {
      if shape.count != rank { throw GraphError(.rank(operand: 1, expected: rank, found: shape.count)) }
      for (i, kernel) in window.kernel.enumerated() {
        try checkEqual(Dimension(kernel), shape[i + 2], operand: 1, axis: i + 2)
      }
    }
    self.x = x?.shape
    self.weights = weights?.shape
    let known = x?.shape ?? (0..<rank).map { context.fresh($0) }
    batch = known[0]
    spatial = Array(known.dropFirst(2))
  }
}

private func checkGroups(_ groups: Int) throws(GraphError) {
  if groups < 1 || groups > Window.limit {
    throw GraphError(.attribute("group", expected: "at least 1", found: "\(groups)"))
  }
}

/// Throws when `size` is a number that `divisor` does not divide, or that is 0.
func checkDivisible(_ size: Dimension, by divisor: Int, named name: String) throws(GraphError) {
  if let number = size.fixed, number <= 0 || number % divisor != 0 {
    throw GraphError(.attribute(name, expected: "a divisor of \(number) channels", found: "\(divisor)"))
  }
}
